const fs = require('fs');
const path = require('path');
const tl = require('azure-pipelines-task-lib/task');
const tools = require('azure-pipelines-tool-lib/tool');

async function run() {
  const name = tl.getInputRequired('tool');
  let folder = tools.findLocalTool(name, '1.2.3');
  console.log(folder ? 'from the cache' : 'made anew');
  if (!folder) {
    const made = path.join(tl.getVariable('Agent.TempDirectory'), 'made');
    tl.mkdirP(made);
    fs.writeFileSync(path.join(made, name), '#!/bin/sh\necho "hello from $0"\n', { mode: 0o755 });
    folder = await tools.cacheDir(made, name, '1.2.3');
  }
  tools.prependPath(folder);
  console.log('runs in ' + process.cwd());
  const code = await tl.tool(path.join(folder, name)).exec();
  tl.setResult(code ? tl.TaskResult.Failed : tl.TaskResult.Succeeded, 'exit code ' + code);
}

run().catch((error) => tl.setResult(tl.TaskResult.Failed, error.message));
