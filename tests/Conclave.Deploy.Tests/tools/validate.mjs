// Judges Kubernetes objects by the published schemas, which kubernetes-models ships as compiled validators.
//   node validate.mjs NODE_MODULES < objects.json     prints a list of complaints as JSON
//
// The schemas leave objects open, as JSON schemas do by default, so a misspelt optional field would pass. But a validator reads every field that
// its schema knows: the objects are handed over as proxies that note what was read, and a field that nobody read is one that nobody knows.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const models = join(process.argv[2], 'kubernetes-models');
const objects = JSON.parse(readFileSync(0, 'utf8'));

/** The same value, with `seen` growing by every object in it that is looked at and the keys that were read of it. */
function watched(value, path, seen) {
  if (typeof value !== 'object' || value === null) return value;
  const read = new Set();
  const children = new Map();
  seen.push({ value, path, read });
  return new Proxy(value, {
    get(target, key) {
      if (typeof key !== 'string' || !Object.hasOwn(target, key)) return target[key];
      read.add(key);
      if (!children.has(key)) children.set(key, watched(target[key], `${path}/${key}`, seen));
      return children.get(key);
    },
  });
}

async function complaints(object) {
  const name = `${object.apiVersion} ${object.kind} ${object.metadata?.name}`;
  const file = join(models, String(object.apiVersion), `${object.kind}.js`);
  if (!existsSync(file)) return [`${name}: there is no such kind`];

  const model = (await import(pathToFileURL(file)))[object.kind];
  const found = [];
  const seen = [];
  try {
    model.prototype.validate.call(watched(Object.assign(Object.create(model.prototype), object), '', seen));
  } catch (fault) {
    if (!fault.errors) throw fault;
    found.push(...fault.errors.map((error) => `${name}: ${error.instancePath}: ${error.message ?? error.keyword} ${JSON.stringify(error.params)}`));
  }
  for (const { value, path, read } of seen) {
    if (Array.isArray(value)) continue;
    found.push(...Object.keys(value).filter((key) => !read.has(key)).map((key) => `${name}: ${path}/${key}: unknown field`));
  }
  return found;
}

console.log(JSON.stringify((await Promise.all(objects.map(complaints))).flat()));
