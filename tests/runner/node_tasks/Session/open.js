const tl = require('azure-pipelines-task-lib/task');
const name = tl.getInputRequired('name');
tl.setTaskVariable('handle', 'handle-of-' + name, true);
tl.setVariable('sessionName', name);
tl.setVariable('other', 'not allowed');
tl.updateReleaseName('not allowed either');
console.log('opened ' + name);
