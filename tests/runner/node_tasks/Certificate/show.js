const fs = require('fs');
const tl = require('azure-pipelines-task-lib/task');

const path = tl.getTaskVariable('SECURE_FILE_PATH');
const site = tl.getInputRequired('site');
console.log('showed ' + fs.readFileSync(path, 'utf8').length + ' characters to ' + tl.getEndpointUrl(site, false));
console.log('mode ' + tl.getInput('mode') + ', ' + tl.getInput('retryCount') + ' retries');
console.log('ticket ' + tl.getSecureFileTicket(tl.getInputRequired('certificate')));
