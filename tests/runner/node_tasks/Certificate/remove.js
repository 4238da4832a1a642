const common = require('azure-pipelines-tasks-securefiles-common/securefiles-common');
const fs = require('fs');
const tl = require('azure-pipelines-task-lib/task');

const id = tl.getInputRequired('certificate');
const helpers = new common.SecureFileHelpers();
helpers.deleteSecureFile(id);
console.log('there still: ' + fs.existsSync(tl.getTaskVariable('SECURE_FILE_PATH')));
