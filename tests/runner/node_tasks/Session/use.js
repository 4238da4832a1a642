const tl = require('azure-pipelines-task-lib/task');
const handle = tl.getTaskVariable('handle') || '';
console.log('used ' + tl.getInputRequired('name') + ' ' + handle.length + ' ' + handle);
