// The interpreter against onnxruntime: the same float models on the same random inputs must give the same outputs within 1e-4 of their range.
//
// Our ops' evaluate functions are the oracle of everything that comes after them, so they need one of their own that we did not write. This
// script draws seeded inputs, hands them to `glowworm run MODEL in.npz --on interpreter -o out.npz`, runs onnxruntime on them, and compares.
//
//   node oracle.js ONNXRUNTIME_NODE_FOLDER GLOWWORM MODEL…
//   node oracle.js ONNXRUNTIME_NODE_FOLDER GLOWWORM --random RANDOM_ONNX FIRST COUNT
// Status 77 (skipped) without the onnxruntime package, 1 on a difference. Models that do not exist are skipped by name.
'use strict';
const {spawnSync} = require('child_process');
const path = require('path');
const {oracle, randomSource, writeNpz, readNpz} = require('./arrays.js');

const samples = 3;
const tolerance = 1e-4;  // of the output's range

// The largest difference as a part of the range of what is expected; NaN counts as infinite.
function deviation(expected, found) {
  if (expected.length !== found.length) return Infinity;
  let low = 0, high = 0, worst = 0;
  for (let i = 0; i < expected.length; ++i) {
    low = Math.min(low, expected[i]), high = Math.max(high, expected[i]);
    const difference = Math.abs(expected[i] - found[i]);
    if (!(difference <= worst)) worst = Number.isNaN(difference) ? Infinity : difference;
  }
  return worst / (high - low || 1);
}

async function compare(ort, glowworm, model, folder) {
  const session = await ort.InferenceSession.create(model);
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
  const run = spawnSync(glowworm, ['run', model, given, '--on', 'interpreter', '-o', answer], {encoding: 'utf8'});
  if (run.status !== 0) return [`glowworm run: status ${run.status}\n${run.stderr}`];
  const found = readNpz(answer), faults = [];
  for (const [name, values] of Object.entries(expected)) {
    if (!found[name]) {
      faults.push(`output ${name} is missing; there are: ${Object.keys(found)}`);
      continue;
    }
    const off = deviation(values, found[name].data);
    if (off > tolerance) faults.push(`output ${name} is off by ${off} of its range`);
    // The comparison itself must be able to fail.
    const planted = Float32Array.from(values);
    planted[planted.length - 1] += 1e-2 * (Math.max(...values) - Math.min(...values) || 1);
    if (!(deviation(values, planted) > tolerance)) faults.push(`a planted deviation of output ${name} was not seen`);
  }
  return faults;
}

const [package_, glowworm, ...list] = process.argv.slice(2);
oracle(package_, list, async (ort, models, folder) => {
  const random = list[0] === '--random';
  let failed = 0;
  for (const model of models) {
    const faults = await compare(ort, glowworm, model, folder);
    if (!random || faults.length) console.log(`${path.basename(model)}: ${faults.length ? faults.join('; ') : 'equal'}`);
    failed += faults.length ? 1 : 0;
  }
  if (random) console.log(`${models.length} random models, ${failed} of them differ`);
  return failed;
});
