// The interpreter against onnxruntime: the same float models on the same random inputs must give the same outputs within 1e-4 of their range.
//
// Our ops' evaluate functions are the oracle of everything that comes after them, so they need one of their own that we did not write. This
// script draws seeded inputs, hands them to `glowworm run MODEL in.npz --on interpreter -o out.npz`, runs onnxruntime on them, and compares.
//
//   node oracle.js ONNXRUNTIME_NODE_FOLDER GLOWWORM MODEL…
// Status 77 (skipped) without the onnxruntime package, 1 on a difference. Models that do not exist are skipped by name.
'use strict';
const {spawnSync} = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const zlib = require('zlib');

const samples = 3;
const tolerance = 1e-4;  // of the output's range

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

async function main() {
  const [package_, glowworm, ...models] = process.argv.slice(2);
  let ort;
  try {
    ort = require(path.resolve(package_));
  } catch (error) {
    console.log(`SKIPPED: no onnxruntime in ${package_} (${error.code || error.message})`);
    process.exit(77);
  }
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oracle-'));
  let failed = 0;
  for (const model of models) {
    if (!fs.existsSync(model)) {
      console.log(`SKIPPED: ${path.basename(model)} is not there`);
      continue;
    }
    const faults = await compare(ort, glowworm, model, folder);
    console.log(`${path.basename(model)}: ${faults.length ? faults.join('; ') : 'equal'}`);
    failed += faults.length;
  }
  fs.rmSync(folder, {recursive: true});
  process.exit(failed ? 1 : 0);
}

main();
