// Runs the Khronos glTF validator: node khronos.mjs NODE_MODULES FILE.glb; prints its report as JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [modules, file] = process.argv.slice(2);
const validator = createRequire(join(modules, "here.js"))("gltf-validator");
const report = await validator.validateBytes(new Uint8Array(readFileSync(file)), {
  maxIssues: 100,
  format: "glb",
});
process.stdout.write(JSON.stringify({ validator: validator.version(), issues: report.issues }));
