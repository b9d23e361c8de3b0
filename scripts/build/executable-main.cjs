// The main script of the executable. The agent's code lies beside it in parts, as assets of the executable, each with
// V8's code cache: a command loads the parts that it needs, and compiles next to nothing of them.
//
// Run as a file, at the build, it takes the parts from the working directory, runs the command that it is given, and
// leaves there the code cache of each part, with all that the command compiled in it.
'use strict';
const { readFileSync, readdirSync, writeFileSync } = require('node:fs');
const { getAsset, getRawAsset, isSea } = require('node:sea');
const { Script } = require('node:vm');

const isBuilt = isSea();
const modules = new Map();
const scripts = new Map();

function compile(name) {
  // Parts are ASCII; so that V8 need not look for more.
  const source = isBuilt ? getAsset(name, 'latin1') : readFileSync(name, 'latin1');
  const cachedData = isBuilt ? new Uint8Array(getRawAsset(`${name}.cache`)) : undefined;
  const script = new Script(source, { filename: name, cachedData });
  if (!isBuilt) scripts.set(name, script);
  return script;
}

function load(name) {
  const known = modules.get(name);
  if (known) return known.exports;
  const module = { exports: {} };
  modules.set(name, module);
  compile(name).runInThisContext()(module.exports, requirePart, module, __filename, __dirname);
  return module.exports;
}

function requirePart(id) {
  return id.startsWith('./') ? load(id.slice(2)) : require(id);
}

if (!isBuilt) {
  const { setFlagsFromString } = require('node:v8');
  // A code cache marks what V8 compiled further, and lacks what V8 forgot. Both are matters of time, so neither is done;
  // and allowed again before the caches are written, as each is good for the flags of its moment only.
  const timed = ['sparkplug', 'maglev', 'turbofan', 'flush-bytecode'];
  for (const flag of timed) setFlagsFromString(`--no-${flag}`);
  process.on('exit', () => {
    for (const flag of timed) setFlagsFromString(`--${flag}`);
    for (const name of readdirSync('.').filter((file) => file.endsWith('.js'))) {
      const script = scripts.get(name) ?? compile(name);
      writeFileSync(`${name}.cache`, script.createCachedData());
    }
  });
}

load('main.js');
