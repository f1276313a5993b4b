// Quantized models against onnxruntime: float models are quantized by quantize_onnx as onnxruntime's own quantizer would, with every rounded
// tensor an output, and our integer arithmetic must give the same bytes as onnxruntime: nowhere more than one step apart, and equal on at
// least 99 % of the elements, over all tensors of a model and for its results alone.
//
//   node quantized.js ONNXRUNTIME_NODE_FOLDER GLOWWORM QUANTIZE_ONNX MODEL…
// Status 77 (skipped) without the onnxruntime package, 1 on a difference. Models that do not exist are skipped by name.
'use strict';
const {spawnSync} = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const {randomSource, writeNpz, readNpz} = require('./arrays.js');

const samples = 10;
const leastEqual = 0.99;

function run(command, ...options) {
  const done = spawnSync(command, options, {encoding: 'utf8', maxBuffer: 1 << 28});
  if (done.status !== 0) throw new Error(`${path.basename(command)} ${options.join(' ')}: status ${done.status}\n${done.stderr}`);
  return done;
}

// {elements, equal, worst} in steps of the tensor.
function count(expected, found, scale) {
  const sum = {elements: expected.length, equal: 0, worst: expected.length === found.length ? 0 : Infinity};
  for (let i = 0; i < expected.length; ++i) {
    const apart = Math.abs(Math.round((expected[i] - found[i]) / scale));
    if (apart === 0) ++sum.equal;
    if (!(apart <= sum.worst)) sum.worst = Number.isNaN(apart) ? Infinity : apart;
  }
  return sum;
}

function join(list) {
  const sum = {elements: 0, equal: 0, worst: 0};
  for (const {elements, equal, worst} of list) sum.elements += elements, sum.equal += equal, sum.worst = Math.max(sum.worst, worst);
  return sum;
}

const describe = ({elements, equal, worst}) => `${(100 * equal / elements).toFixed(3)} % of ${elements} equal, ${worst} apart at most`;
const right = ({elements, equal, worst}) => elements > 0 && worst <= 1 && equal >= leastEqual * elements;

async function compare(ort, tool, quantizer, model, type, folder) {
  const quantized = path.join(folder, 'q.onnx');
  const outputs = run(quantizer, model, quantized, type, 'all').stdout.trim().split('\n').map((line) => line.split(' '));
  const session = await ort.InferenceSession.create(quantized);
  const random = randomSource(1);
  const inputs = {}, expected = {};
  for (const {name, shape} of session.inputMetadata) {
    const one = shape.slice(1).reduce((a, b) => a * b, 1);
    inputs[name] = {shape: [samples, ...shape.slice(1)], data: Float32Array.from({length: samples * one}, () => 2 * random() - 1)};
  }
  for (let s = 0; s < samples; ++s) {
    const feeds = {};
    for (const [name, {shape, data}] of Object.entries(inputs)) {
      const one = data.length / samples;
      feeds[name] = new ort.Tensor('float32', data.slice(s * one, (s + 1) * one), [1, ...shape.slice(1)]);
    }
    for (const [name, tensor] of Object.entries(await session.run(feeds))) (expected[name] ||= []).push(...tensor.data);
  }
  const given = path.join(folder, 'in.npz'), answer = path.join(folder, 'out.npz');
  writeNpz(given, inputs);
  const notes = run(tool, 'run', quantized, given, '--on', 'interpreter', '-o', answer).stderr;
  const found = readNpz(answer);
  const counts = outputs.map(([name, scale]) => count(expected[name], found[name].data, Number(scale)));
  const all = join(counts), last = counts[0], islands = (notes.match(/quantize-left-float/g) || []).length;
  console.log(`${path.basename(model)} ${type}: result ${describe(last)}; ${outputs.length} tensors ${describe(all)}; ${islands} left float`);
  return right(all) && right(last) && islands === 0;
}

async function main() {
  const [package_, tool, quantizer, ...models] = process.argv.slice(2);
  let ort;
  try {
    ort = require(path.resolve(package_));
  } catch (error) {
    console.log(`SKIPPED: no onnxruntime in ${package_} (${error.code || error.message})`);
    process.exit(77);
  }
  // The comparison itself must be able to fail.
  if (right(count([0, 2], [0, 0], 1)) || right(count([0, 1], [0, 0], 1))) throw new Error('a planted difference was not seen');
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oracle-'));
  let failed = 0;
  for (const model of models) {
    if (!fs.existsSync(model)) {
      console.log(`SKIPPED: ${path.basename(model)} is not there`);
      continue;
    }
    for (const type of ['uint8', 'int8']) failed += await compare(ort, tool, quantizer, model, type, folder) ? 0 : 1;
  }
  fs.rmSync(folder, {recursive: true});
  process.exit(failed ? 1 : 0);
}

main();
