// What the oracles share: their command line, onnxruntime's side, seeded random numbers, and arrays in .npz files as the tool reads and writes them.
'use strict';
const {spawnSync} = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const zlib = require('zlib');

// Runs `work(ort, models, folder)`, which resolves to the number of failures, on the models of a command line: files (those that are not there
// are skipped by name), or `--random RANDOM_ONNX FIRST COUNT [quantizable]` for as many random ones. `folder` is a temporary one.
// Ends the process: 77 (skipped) without the package, 1 after a failure.
async function oracle(package_, list, work) {
  let ort;
  try {
    ort = require(path.resolve(package_));
  } catch (error) {
    console.log(`SKIPPED: no onnxruntime in ${package_} (${error.code || error.message})`);
    process.exit(77);
  }
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oracle-'));
  let models = list;
  if (list[0] === '--random') {
    const [, program, ...options] = list;
    const made = spawnSync(program, [folder, ...options], {encoding: 'utf8'});
    if (made.status !== 0) throw new Error(`${path.basename(program)}: status ${made.status}\n${made.stderr}`);
    models = fs.readdirSync(folder).map((name) => path.join(folder, name));
  }
  const there = models.filter((model) => fs.existsSync(model));
  for (const model of models) if (!there.includes(model)) console.log(`SKIPPED: ${path.basename(model)} is not there`);
  const failed = await work(ort, there, folder);
  fs.rmSync(folder, {recursive: true});
  process.exit(failed ? 1 : 0);
}

// onnxruntime's answers, output by output the samples one after another, for `samples` inputs of batch 1 that `draw(name, elements of one)`
// makes for all samples together. Returns those inputs too: {inputs: {name: {shape, data}}, expected: {name: numbers}}.
async function answers(ort, session, samples, draw) {
  const inputs = {}, expected = {};
  for (const {name, shape} of session.inputMetadata)
    inputs[name] = {shape: [samples, ...shape.slice(1)], data: draw(name, shape.slice(1).reduce((a, b) => a * b, 1))};
  for (let s = 0; s < samples; ++s) {
    const feeds = {};
    for (const [name, {shape, data}] of Object.entries(inputs)) {
      const one = data.length / samples;
      feeds[name] = new ort.Tensor('float32', data.slice(s * one, (s + 1) * one), [1, ...shape.slice(1)]);
    }
    for (const [name, tensor] of Object.entries(await session.run(feeds))) (expected[name] ||= []).push(...tensor.data);
  }
  return {inputs, expected};
}

// mulberry32: 32 bits of state are plenty here.
function randomSource(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let k = 0; k < 8; ++k) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

// {shape, data: Float32Array} as the bytes of a .npy, version 1.0.
function npy(array) {
  let header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${array.shape.join(', ')}${array.shape.length === 1 ? ',' : ''}), }`;
  header = header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11) + '\n';
  const start = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1');
  start.writeUInt16LE(header.length, 8);
  return Buffer.concat([start, Buffer.from(header, 'latin1'), Buffer.from(array.data.buffer, array.data.byteOffset, array.data.byteLength)]);
}

function readNpy(bytes) {
  const wide = bytes[6] >= 2;
  const length = wide ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8);
  const start = (wide ? 12 : 10) + length;
  const header = bytes.toString('latin1', wide ? 12 : 10, start);
  if (!/'descr': '<f4'/.test(header) || !/'fortran_order': False/.test(header)) throw new Error(`unexpected array: ${header.trim()}`);
  const shape = /'shape': \(([^)]*)\)/.exec(header)[1].split(',').filter((s) => s.trim()).map(Number);
  const copy = Uint8Array.from(bytes.subarray(start));
  return {shape, data: new Float32Array(copy.buffer)};
}

// A zip file of stored members.
function writeNpz(file, arrays) {
  const parts = [], directory = [];
  let offset = 0;
  for (const [name, array] of Object.entries(arrays)) {
    const content = npy(array), title = Buffer.from(`${name}.npy`);
    const fields = Buffer.alloc(26);  // what the local and the central header have in common, from "version needed" on
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(0x21, 8);  // 1 January 1980
    fields.writeUInt32LE(crc32(content), 10);
    fields.writeUInt32LE(content.length, 14);
    fields.writeUInt32LE(content.length, 18);
    fields.writeUInt16LE(title.length, 22);
    // Central header: after the common fields come comment length, disk, attributes (12 bytes of zeros) and the local header's offset.
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), fields, Buffer.alloc(10), le32(offset), title]));
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), fields, title, content]);
    parts.push(local);
    offset += local.length;
  }
  const index = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 0, 'latin1');
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(index.length, 12);
  end.writeUInt32LE(offset, 16);
  fs.writeFileSync(file, Buffer.concat([...parts, index, end]));
}

function le32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function readNpz(file) {
  const zip = fs.readFileSync(file), arrays = {};
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  let at = zip.readUInt32LE(end + 16);
  for (let k = zip.readUInt16LE(end + 10); k > 0; --k) {
    const method = zip.readUInt16LE(at + 10), packed = zip.readUInt32LE(at + 20), titleLength = zip.readUInt16LE(at + 28);
    const title = zip.toString('utf8', at + 46, at + 46 + titleLength), local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const content = zip.subarray(start, start + packed);
    arrays[title.replace(/\.npy$/, '')] = readNpy(method === 8 ? zlib.inflateRawSync(content) : content);
    at += 46 + titleLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return arrays;
}

module.exports = {oracle, answers, randomSource, writeNpz, readNpz};
