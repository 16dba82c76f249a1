// Files that somebody chose or dropped: one of them, or the folder of a log.

/** The files of a log among files of a folder, by their paths; null if there is no log. */
function logOf(files) {
  const ends = [...files.keys()].filter((path) => path === 'checkpoint' || path.endsWith('/checkpoint'));
  if (!ends.length) return null;
  const base = ends.sort((one, other) => one.length - other.length)[0].slice(0, -'checkpoint'.length);
  return {
    async read(name, most) {
      const file = files.get(base + name);
      return file ? new Uint8Array(await file.slice(0, most + 1).arrayBuffer()) : null;
    },
  };
}

/** What was chosen: {name, log} or {name, bytes}; null if it is nothing. */
async function chosen(files, most) {
  if (!files.size) return null;
  const [[path, file]] = files;
  const log = logOf(files);
  if (log) return { name: path.split('/')[0], log };
  return { name: file.name, bytes: new Uint8Array(await file.slice(0, most + 1).arrayBuffer()) };
}

/** What an input of files has. */
export function ofInput(input, most) {
  return chosen(new Map([...input.files].map((file) => [file.webkitRelativePath || file.name, file])), most);
}

const later = (call) => new Promise((good, bad) => call(good, bad));

async function walk(entry, path, files) {
  if (entry.isFile) {
    files.set(path, await later((good, bad) => entry.file(good, bad)));
    return;
  }
  const reader = entry.createReader();
  // A reader gives out some at a time, and in the end none.
  for (;;) {
    const some = await later((good, bad) => reader.readEntries(good, bad));
    if (!some.length) return;
    for (const one of some) await walk(one, `${path}/${one.name}`, files);
  }
}

/** What was dropped. */
export async function ofDrop(transfer, most) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = new Map();
  for (const entry of entries) await walk(entry, entry.name, files);
  return chosen(files, most);
}
