const tl = require('azure-pipelines-task-lib/task');
const handle = tl.getTaskVariable('handle') || '';
console.log('closed ' + tl.getInputRequired('name') + ' ' + handle.length + ' while ' + tl.getVariable('Agent.JobStatus'));
