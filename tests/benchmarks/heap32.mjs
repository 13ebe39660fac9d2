// Import modules one by one on MicroPython for WebAssembly, whose words have 32 bits, and tell the heap after each.
//
//   node heap32.mjs MICROPYTHON.mjs < facts.json
//
// facts: {"files": {path: base64}, "setup": source, "modules": [name, ...]}
// prints: [[name, live bytes that it added, bytes by which the tables of names grew], ...]

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { loadMicroPython } = await import(pathToFileURL(process.argv[2]));
const facts = JSON.parse(readFileSync(0, "utf8"));
const printed = [];
const python = await loadMicroPython({
    heapsize: 4 << 20,
    linebuffer: true,
    stdout: (line) => printed.push(line),
});

function run(source) {
    try {
        python.runPython(source);
    } catch (error) {
        console.error(`${source}: ${error.message}`);
        process.exit(1);
    }
}

// A collection waits until the call that asked for it has returned, so the figures are asked for by another one.
function measure() {
    run("gc.collect()");
    printed.length = 0;
    run("print(gc.mem_alloc()); micropython.qstr_info()");
    const [, text, all] = /n_str_data_bytes=(\d+), n_total_bytes=(\d+)/.exec(printed[1]);
    return { used: Number(printed[0]), tables: all - text };
}

for (const [path, content] of Object.entries(facts.files)) {
    path.split("/").slice(0, -1).reduce((folder, name) => {
        const inner = `${folder}/${name}`;
        if (!python.FS.analyzePath(inner).exists) {
            python.FS.mkdir(inner);
        }
        return inner;
    }, "");
    python.FS.writeFile(`/${path}`, Buffer.from(content, "base64"));
}
run(facts.setup);
run("import gc, micropython");
let before = measure();
const answer = facts.modules.map((name) => {
    run(`__import__(${JSON.stringify(name)})`);
    const after = measure();
    const tables = after.tables - before.tables;
    const row = [name, after.used - before.used - tables, tables];
    before = after;
    return row;
});
console.log(JSON.stringify(answer));
