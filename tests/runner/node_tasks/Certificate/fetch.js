const tl = require('azure-pipelines-task-lib/task');
const common = require('azure-pipelines-tasks-securefiles-common/securefiles-common');

async function fetch() {
  const id = tl.getInputRequired('certificate');
  const helpers = new common.SecureFileHelpers(parseInt(tl.getInput('retryCount')));
  const path = await helpers.downloadSecureFile(id);
  tl.setTaskVariable('SECURE_FILE_PATH', path);
  tl.setVariable('secureFilePath', path, false, true);
  console.log('fetched ' + tl.getSecureFileName(id));
}

fetch().catch((error) => tl.setResult(tl.TaskResult.Failed, String(error)));
