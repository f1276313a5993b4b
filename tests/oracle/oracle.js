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
const {oracle, answers, randomSource, writeNpz, readNpz} = require('./arrays.js');

const samples = 3;
const tolerance = 1e-4;  // of the output's range

// From the least to the largest, 0 among them.
const rangeOf = (values) => values.reduce((high, v) => Math.max(high, v), 0) - values.reduce((low, v) => Math.min(low, v), 0) || 1;

// The largest difference as a part of the range of what is expected; NaN counts as infinite.
function deviation(expected, found) {
  if (expected.length !== found.length) return Infinity;
  let worst = 0;
  for (let i = 0; i < expected.length; ++i) {
    const difference = Math.abs(expected[i] - found[i]);
    if (!(difference <= worst)) worst = Number.isNaN(difference) ? Infinity : difference;
  }
  return worst / rangeOf(expected);
}

async function compare(ort, glowworm, model, folder) {
  const session = await ort.InferenceSession.create(model);
  const random = randomSource(1);
  const {inputs, expected} = await answers(ort, session, samples, (_, n) => Float32Array.from({length: samples * n}, () => 2 * random() - 1));
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
    planted[planted.length - 1] += 1e-2 * rangeOf(values);
    if (!(deviation(values, planted) > tolerance)) faults.push(`a planted deviation of output ${name} was not seen`);
  }
  return faults;
}

const [package_, glowworm, ...list] = process.argv.slice(2);
oracle(package_, list, async (ort, models, folder) => {
  const random = list[0] === '--random';
  let failed = 0, refused = 0;
  for (const model of models) {
    if (random && !(await ort.InferenceSession.create(model).catch(() => null))) {
      ++refused;  // onnxruntime moves a Pad into the pool behind it, and then finds the pool's padding too large
      continue;
    }
    const faults = await compare(ort, glowworm, model, folder);
    if (!random || faults.length) console.log(`${path.basename(model)}: ${faults.length ? faults.join('; ') : 'equal'}`);
    failed += faults.length ? 1 : 0;
  }
  if (random) console.log(`${models.length} random models, ${refused} refused by onnxruntime itself, ${failed} differ`);
  return failed + (refused > 0.01 * models.length ? 1 : 0);
});
