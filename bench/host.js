// onnxruntime's time for one inference, for bench/host: node host.js ONNXRUNTIME_NODE_FOLDER MODEL… prints a JSON line {"model": milliseconds}.
//
// One thread, sessions at their default level of optimisation, random inputs. The least of many runs: what disturbs a run only adds to it.
// The package's own cost of a call, that of a network of one ReLU of one float, is taken off.
'use strict';
const path = require('path');

// A field of a protobuf message: a number, or a text, or a message's bytes.
function field(number, value) {
  if (typeof value === 'number') return Buffer.from([number << 3, value]);
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

// An ONNX model of one ReLU.
function smallest() {
  const type = field(1, Buffer.concat([field(1, 1), field(2, field(1, field(1, 1)))]));  // a float tensor of shape [1]
  const value = (name) => Buffer.concat([field(1, name), field(2, type)]);
  const node = Buffer.concat([field(1, 'x'), field(2, 'y'), field(4, 'Relu')]);
  const graph = Buffer.concat([field(1, node), field(2, 'g'), field(11, value('x')), field(12, value('y'))]);
  return Buffer.concat([field(1, 8), field(7, graph), field(8, field(2, 13))]);
}

async function least(ort, model, seconds) {
  const session = await ort.InferenceSession.create(model, {intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential'});
  const feeds = {};
  for (const {name, shape} of session.inputMetadata) {
    const dims = shape.map((d) => (typeof d === 'number' ? d : 1));
    const n = dims.reduce((a, b) => a * b, 1);
    feeds[name] = new ort.Tensor('float32', Float32Array.from({length: n}, () => 2 * Math.random() - 1), dims);
  }
  let best = Infinity;
  const end = Date.now() + 1000 * seconds;
  for (let runs = 0; runs < 30 || Date.now() < end; ++runs) {
    const start = process.hrtime.bigint();
    await session.run(feeds);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / 1e6);
  }
  return best;
}

async function main() {
  const [folder, seconds, ...models] = process.argv.slice(2);
  const ort = require(path.resolve(folder));
  const times = {'': await least(ort, smallest(), Number(seconds))};
  for (const model of models) times[model] = Math.max(await least(ort, model, Number(seconds)) - times[''], 0);
  console.log(JSON.stringify(times));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
