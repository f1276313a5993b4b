// Quantized models against onnxruntime: float models are quantized by quantize_onnx as onnxruntime's own quantizer would. Two comparisons.
// Operator by operator, each fed with the tensors that onnxruntime computed: our integers are nowhere more than one step away, and equal on
// at least 99 % of the elements. And the whole network, where a step in one layer may grow in the next: all of its rounded tensors are
// outputs, and 97 % must be equal. Both of onnxruntime's ways are compared: without optimization, and with its fused integer kernels. Those
// add pairs of products of uint8 and int8 in 16 bits, saturating, on processors without VNNI, and take int8 activations as uint8 at times: there
// weights have 7 bits, as onnxruntime's quantizer does it for such processors (`reduce_range`).
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
const leastEqual = 0.99, leastThrough = 0.97;
const ways = [
  {type: 'uint8', level: 'disabled'}, {type: 'uint8', level: 'all', reduced: true}, {type: 'int8', level: 'disabled'}, {type: 'int8', level: 'all', reduced: true}
];

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

// Runs a quantized model both ways on inputs {name: {shape, data}} of all samples; returns onnxruntime's tensors and our counts.
async function both(ort, tool, model, outputs, inputsOf, level, folder) {
  const session = await ort.InferenceSession.create(model, {logSeverityLevel: 3, graphOptimizationLevel: level});
  const inputs = {}, expected = {};
  for (const {name, shape} of session.inputMetadata)
    inputs[name] = {shape: [samples, ...shape.slice(1)], data: inputsOf(name, shape.slice(1).reduce((a, b) => a * b, 1))};
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
  const notes = run(tool, 'run', model, given, '--on', 'interpreter', '-o', answer).stderr;
  const found = readNpz(answer);
  return {
    expected,
    counts: outputs.map(([name, scale]) => count(expected[name], found[name].data, Number(scale))),
    islands: (notes.match(/quantize-left-float/g) || []).length
  };
}

async function compare(ort, tool, quantizer, model, {type, level, reduced}, folder) {
  const quantize = (file, ...options) =>
    run(quantizer, model, file, type, ...options, ...(reduced ? ['reduced'] : [])).stdout.trim().split('\n').map((line) => line.split(' '));
  const whole = path.join(folder, 'whole.onnx'), cut = path.join(folder, 'cut.onnx');
  const outputs = quantize(whole, 'all'), layers = quantize(cut, 'layers');
  const random = randomSource(1);
  const a = await both(ort, tool, whole, outputs, (_, n) => Float32Array.from({length: samples * n}, () => 2 * random() - 1), level, folder);
  const b = await both(ort, tool, cut, layers, (name) => Float32Array.from(a.expected[name.replace(/_fed$/, '_dq')]), level, folder);
  const all = join(b.counts), last = a.counts[0], through = join(a.counts);
  console.log(`${path.basename(model)} ${type}${reduced ? ' reduced' : ''} ${level}: ${layers.length} operators ${describe(all)}; ` +
    `the network: result ${describe(last)}, ${outputs.length} tensors ${describe(through)}; ${a.islands + b.islands} left float`);
  return right(all) && through.equal >= leastThrough * through.elements && a.islands + b.islands === 0;
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
    for (const way of ways) failed += await compare(ort, tool, quantizer, model, way, folder) ? 0 : 1;
  }
  fs.rmSync(folder, {recursive: true});
  process.exit(failed ? 1 : 0);
}

main();
