const path = require('path');
const tl = require('azure-pipelines-task-lib/task');

tl.setResourcePath(path.join(__dirname, 'task.json'));

const connection = tl.getInputRequired('connection');
const authorization = tl.getEndpointAuthorization(connection, false);
const told = {
  assertsAgent: (tl.assertAgent('4.255.0'), true),
  url: tl.getEndpointUrlRequired(connection),
  scheme: tl.getEndpointAuthorizationSchemeRequired(connection),
  user: authorization.parameters.username,
  passwordLength: tl.getEndpointAuthorizationParameterRequired(connection, 'password').length,
  region: tl.getEndpointDataParameterRequired(connection, 'site.region'),
  folder: tl.getPathInput('folder', false, true),
  folderSupplied: tl.filePathSupplied('folder'),
  mode: tl.getInput('mode'),
  retries: tl.getInput('retries'),
  verify: tl.getBoolInput('verify'),
  tags: tl.getDelimitedInput('tags', ','),
  release: tl.getVariable('Release.ReleaseName'),
  secretLength: (tl.getVariable('Api.Key') || '').length,
  secretsInEnvironment: Object.keys(process.env).filter((name) => process.env[name] && /^(INPUT_|SECRET_|ENDPOINT_AUTH_(?!SCHEME))/.test(name)),
  systemToken: tl.getEndpointAuthorizationParameter('SYSTEMVSSCONNECTION', 'AccessToken', true) || '',
  workingDirectory: process.cwd(),
  jobStatus: [tl.getVariable('Agent.JobStatus'), process.env['agent.jobstatus']],
};
console.log('told ' + JSON.stringify(told));
console.log('the key is ' + tl.getVariable('Api.Key'));
console.log(tl.loc('SiteIs', told.url, told.mode));
tl.setVariable('siteUrl', told.url + '/live');
tl.setVariable('plain', 'seen by later steps');

switch (tl.getInput('outcome')) {
  case 'Failed':
    tl.setResult(tl.TaskResult.Failed, 'The site did not answer');
    break;
  case 'Issues':
    tl.setResult(tl.TaskResult.SucceededWithIssues, 'Two pages are slow');
    break;
  case 'Cancelled':
    tl.setResult(tl.TaskResult.Cancelled, 'No');
    break;
  case 'Lingers':
    tl.setResult(tl.TaskResult.Succeeded, 'Done', true);
    setInterval(() => console.log('still here'), 500);
    break;
  case 'Exits':
    process.exit(3);
    break;
  default:
    tl.warning('An old certificate');
    tl.setResult(tl.TaskResult.Succeeded, '');
}
