// SPDX-License-Identifier: BSD-3-Clause
// Checks manifests against the published schema of Kubernetes: each document of each file.
import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import * as apps from "kubernetes-models/apps/v1";
import * as core from "kubernetes-models/v1";

const groups = { "apps/v1": apps, v1: core };

export function problemsOf(text) {
    const problems = [];
    for (const document of parseAllDocuments(text)) {
        problems.push(...document.errors.map(String));
        const manifest = document.toJS();
        const Kind = groups[manifest?.apiVersion]?.[manifest?.kind];
        if (!Kind) {
            problems.push(`there is no ${manifest?.kind} of ${manifest?.apiVersion}`);
            continue;
        }

        try {
            new Kind(manifest).validate();
        } catch (error) {
            problems.push(error.message);
        }
    }

    return problems;
}

let failed = 0;
let passed = 0;
function check(what, holds, output = "") {
    if (holds) {
        passed++;
        console.log(`ok      ${what}`);
    } else {
        failed++;
        console.log(`FAILED  ${what}\n${output}`);
    }
}

for (const file of process.argv.slice(2)) {
    const text = readFileSync(file, "utf8");
    const problems = problemsOf(text);
    check(`${file} is as the schema has it`, problems.length === 0, problems.join("\n"));

    // A check that finds nothing wrong anywhere would find nothing here either.
    check("a field that is missing is found", problemsOf(text.replace("mountPath: /dev", "path: /dev")).length > 0);
    check("a value of the wrong type is found", problemsOf(text.replace("hostNetwork: true", "hostNetwork: 1")).length > 0);
}

console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
