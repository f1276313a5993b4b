// Quantized models against onnxruntime: float models are quantized by quantize_onnx as onnxruntime's own quantizer would. Two comparisons.
// Operator by operator, each fed with the tensors that onnxruntime computed: our integers are nowhere more than one step away, and equal on
// at least 99 % of the elements. And the whole network, where a step in one layer may grow in the next: all of its rounded tensors are
// outputs, and 97 % must be equal. Both of onnxruntime's ways are compared: without optimization, and with its fused integer kernels. Those
// add pairs of products of uint8 and int8 in 16 bits, saturating, on processors without VNNI, and take int8 activations as uint8 at times: there
// weights have 7 bits, as onnxruntime's quantizer does it for such processors (`reduce_range`).
//
// Random models are small, so one rounding in one of them says little: their operators' elements are counted together.
//
// With --operators: models of one operator each (quantized_operators.cpp), counted by operator and type. The integer products and
// DynamicQuantizeLinear must be equal everywhere. What onnxruntime refuses is counted, and may be a fifth of an operator's models.
//
//   node quantized.js ONNXRUNTIME_NODE_FOLDER GLOWWORM QUANTIZE_ONNX MODEL…
//   node quantized.js ONNXRUNTIME_NODE_FOLDER GLOWWORM QUANTIZE_ONNX --random RANDOM_ONNX FIRST COUNT quantizable
//   node quantized.js ONNXRUNTIME_NODE_FOLDER GLOWWORM --operators QUANTIZED_OPERATORS FIRST COUNT
// Status 77 (skipped) without the onnxruntime package, 1 on a difference. Models that do not exist are skipped by name.
'use strict';
const {spawnSync} = require('child_process');
const path = require('path');
const {oracle, answers, randomSource, writeNpz, readNpz} = require('./arrays.js');

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
  const {inputs, expected} = await answers(ort, session, samples, inputsOf);
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

// The counts of a model's operators and of its tensors when it runs as a network.
async function compare(ort, tool, quantizer, model, {type, level, reduced}, folder) {
  const quantize = (file, ...options) =>
    run(quantizer, model, file, type, ...options, ...(reduced ? ['reduced'] : [])).stdout.trim().split('\n').map((line) => line.split(' '));
  const whole = path.join(folder, 'whole.onnx'), cut = path.join(folder, 'cut.onnx');
  const outputs = quantize(whole, 'all'), layers = quantize(cut, 'layers');
  const random = randomSource(1);
  const a = await both(ort, tool, whole, outputs, (_, n) => Float32Array.from({length: samples * n}, () => 2 * random() - 1), level, folder);
  const b = await both(ort, tool, cut, layers, (name) => Float32Array.from(a.expected[name.replace(/_fed$/, '_dq')]), level, folder);
  return {operators: join(b.counts), layers: layers.length, result: a.counts[0], through: join(a.counts), tensors: outputs.length, islands: a.islands + b.islands};
}

const exact = new Set(['ConvInteger', 'MatMulInteger', 'DynamicQuantizeLinear']);
const reach = {'QLinearSigmoid uint8': 6, 'QLinearSigmoid int8': 6, 'QLinearSoftmax uint8': 6, 'QLinearSoftmax int8': 1.5};

async function operators(ort, tool, models, folder) {
  let failed = 0;
  for (const level of ['disabled', 'all']) {
    const results = {};
    for (const model of models) {
      const [, operator, type, , step] = /([^-/]*)-([^-]*)-(\d+)@(.*)\.onnx$/.exec(model);
      const result = (results[`${operator} ${type}`] ||= {operator, counts: [], refused: 0, islands: 0});
      let session;
      try {
        session = await ort.InferenceSession.create(model, {logSeverityLevel: 3, graphOptimizationLevel: level});
      } catch (error) {
        ++result.refused;
        result.reason = error.message.split('\n')[0];
        continue;
      }
      const random = randomSource(1), most = reach[`${operator} ${type}`] || 1;
      const draw = (_, n) => Float32Array.from({length: samples * n}, () => most * (2 * random() - 1));
      const one = await both(ort, tool, model, session.outputNames.map((name) => [name, step]), draw, level, folder)
        .catch((error) => ({counts: [{elements: 1, equal: 0, worst: Infinity}], islands: 0, error}));
      if (one.error) console.log(`${path.basename(model)} ${level}: ${one.error.message}`);
      const sum = join(one.counts);
      if (sum.worst > 1 || one.islands > 0) console.log(`${path.basename(model)} ${level}: ${describe(sum)}, ${one.islands} left float`);
      result.counts.push(sum);
      result.islands += one.islands;
    }
    for (const [name, {operator, counts, refused, reason, islands}] of Object.entries(results).sort()) {
      const sum = join(counts);
      const good = right(sum) && islands === 0 && refused <= 0.2 * (counts.length + refused) && !(exact.has(operator) && sum.equal < sum.elements);
      if (!good) ++failed;
      console.log(`${good ? '' : 'FAILED: '}${name} ${level}: ${counts.length} models, ${describe(sum)}, ${islands} left float` +
        (refused ? `; onnxruntime refuses ${refused}: ${reason}` : ''));
    }
  }
  return failed;
}

const [package_, tool, quantizer, ...list] = process.argv.slice(2);
if (quantizer === '--operators') oracle(package_, ['--random', ...list], (ort, models, folder) => operators(ort, tool, models, folder));
else oracle(package_, list, async (ort, models, folder) => {
  // The comparison itself must be able to fail.
  if (right(count([0, 2], [0, 0], 1)) || right(count([0, 1], [0, 0], 1))) throw new Error('a planted difference was not seen');
  const random = list[0] === '--random';
  let failed = 0;
  for (const way of ways) {
    const title = `${way.type}${way.reduced ? ' reduced' : ''} ${way.level}`, all = [];
    for (const model of models) {
      const {operators, layers, result, through, tensors, islands} = await compare(ort, tool, quantizer, model, way, folder);
      all.push(operators);
      const good = operators.worst <= 1 && islands === 0 && (random || right(operators) && through.equal >= leastThrough * through.elements);
      if (!good) ++failed;
      if (!good || !random)
        console.log(`${path.basename(model)} ${title}: ${layers} operators ${describe(operators)}; ` +
          `the network: result ${describe(result)}, ${tensors} tensors ${describe(through)}; ${islands} left float`);
    }
    if (!random) continue;
    console.log(`${models.length} random models ${title}: operators ${describe(join(all))}`);
    if (!right(join(all))) ++failed;
  }
  return failed;
});
