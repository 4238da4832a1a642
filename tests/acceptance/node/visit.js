// Calls every operation of the release client as its users do and checks what it gives back.
// Prints one JSON object: each operation with "ok", or with "not called".
const assert = require("node:assert/strict");
const azure = require("azure-devops-node-api");
const kinds = require("azure-devops-node-api/interfaces/ReleaseInterfaces");

const PROJECT = "Default";
const COMMAND_LINE = "d9bafed4-0b18-4f58-968d-86655b4d2ce9";
const told = {};

async function main() {
  const handler = azure.getPersonalAccessTokenHandler(process.env.TOKEN);
  const connection = new azure.WebApi(process.env.BASE_URL, handler);
  const me = (await connection.connect()).authenticatedUser.id;
  const api = await connection.getReleaseApi();
  for (const name of operations(api)) told[name] = "not called";
  const call = caller(api);
  const definition = await definitions(call, me);
  const release = await releases(call, definition, me);
  await environments(call, release, definition);
  await approvals(call, definition, me);
  await interventions(call);
  await labels(call, definition, release);
  await folders(call);
  await endings(call, definition, release);
  await overviews(call, definition, release);
  await rest(call, definition, release);
  await kept(call, definition, release, me);
  await collected(call, definition, release);
  const machines = caller(await connection.getTaskAgentApi());
  await taskGroups(machines);
  await deploymentGroups(machines);
  const project = await (await connection.getCoreApi()).getProject(PROJECT);
  await connections(caller(await connection.getServiceEndpointApi()), project.id);
  console.log(JSON.stringify(told));
}

// Task groups with their versions, drafts and previews, as the task agent client knows them.
async function taskGroups(call) {
  const step = {
    displayName: "Greet $(who)",
    enabled: true,
    inputs: { script: "echo $(who)" },
    task: { id: COMMAND_LINE, versionSpec: "2.*", definitionType: "task" },
  };
  const asked = {
    name: "Node greets",
    category: "Deploy",
    inputs: [{ name: "who", type: "string", defaultValue: "world" }],
    tasks: [step],
    version: { major: 1, minor: 0, patch: 0, isTest: false },
  };
  const made = await call("addTaskGroup", asked, PROJECT);
  assert.equal(made.revision, 1);
  const changed = await call("updateTaskGroup", { ...made, description: "new" }, PROJECT, made.id);
  assert.deepEqual([changed.revision, changed.description], [2, "new"]);
  const draft = await call("addTaskGroup", { ...asked, parentDefinitionId: made.id }, PROJECT);
  const publication = { taskGroupId: draft.id, taskGroupRevision: 1, preview: true, comment: "try" };
  const published = await call("publishTaskGroup", publication, PROJECT, made.id);
  assert.deepEqual(published.map((one) => one.version.major), [2, 1]);
  const first = await call("getTaskGroup", PROJECT, made.id, "1.*");
  assert.deepEqual([first.version.major, first.disabled], [1, false]);
  const all = await call("getTaskGroups", PROJECT, made.id);
  assert.equal(all.length, 2);
  const history = await call("getTaskGroupHistory", PROJECT, made.id);
  assert.ok(history.length >= 3);
  assert.ok(history[0].changedDate instanceof Date);
  await call("getTaskGroupRevision", PROJECT, made.id, 1);
  await call("deleteTaskGroup", PROJECT, made.id, "done");
  const back = await call("undeleteTaskGroup", { ...made, id: made.id }, PROJECT);
  assert.equal(back.deleted, false);
}

// A service connection, whose secret is kept and never shown.
async function connections(call, project) {
  const name = "Node's monitor";
  const parameters = { username: "quay", password: "hunter2" };
  const made = await call("createServiceEndpoint", {
    name,
    type: "generic",
    url: "https://monitor.example",
    authorization: { scheme: "UsernamePassword", parameters },
    serviceEndpointProjectReferences: [{ projectReference: { id: project, name: PROJECT }, name }],
  });
  assert.equal(made.isReady, true);
  const read = await call("getServiceEndpointDetails", PROJECT, made.id);
  assert.deepEqual(read.authorization.parameters, { username: "quay", password: null });
  const changed = await call("updateServiceEndpoint", { ...read, description: "ours" }, made.id);
  assert.equal(changed.description, "ours");
  assert.equal((await call("updateServiceEndpoints", [changed]))[0].id, made.id);
  const named = await call("getServiceEndpointsByNames", PROJECT, [name]);
  const typed = await call("getServiceEndpoints", PROJECT, "generic", ["UsernamePassword"]);
  const everywhere = await call("getServiceEndpointsByTypeAndOwner", "generic", "library");
  for (const found of [named, typed, everywhere]) assert.ok(found.some((one) => one.id === made.id));
  const [github] = await call("getServiceEndpointTypes", "github");
  assert.equal(github.name, "github");
  await call("deleteServiceEndpoint", made.id, [project]);
  assert.equal(await call("getServiceEndpointDetails", PROJECT, made.id), null);
}

// A deployment group; machines join it by themselves, so that it has none here.
async function deploymentGroups(call) {
  const made = await call("addDeploymentGroup", { name: "Node's", description: "sites" }, PROJECT);
  const changed = await call("updateDeploymentGroup", { name: "Node servers" }, PROJECT, made.id);
  assert.deepEqual([changed.name, changed.description], ["Node servers", "sites"]);
  const expanded = await call("getDeploymentGroup", PROJECT, made.id, undefined, 2);
  assert.deepEqual([expanded.machines, expanded.machineTags], [[], []]);
  const found = await call("getDeploymentGroups", PROJECT, "node servers");
  assert.equal(found[0].id, made.id);
  const targets = await call("getDeploymentTargets", PROJECT, made.id, ["web"], undefined, false, 2, 2);
  assert.deepEqual(targets, []);
  await call("updateDeploymentTargets", [], PROJECT, made.id);
  await call("deleteDeploymentGroup", PROJECT, made.id);
}

// The methods of the client that stand for a request.
function operations(api) {
  return Object.getOwnPropertyNames(Object.getPrototypeOf(api)).filter((n) => n !== "constructor");
}

// Calls an operation and notes that it was answered.
function caller(api) {
  return async (name, ...given) => {
    try {
      const answer = await api[name](...given);
      told[name] = "ok";
      return answer;
    } catch (refusal) {
      throw new Error(`${name}: ${refusal.stack}`);
    }
  };
}

function stage(name, conditions, approver, tasks) {
  const approval = { rank: 1, isAutomated: !approver, isNotificationOn: false };
  if (approver) approval.approver = { id: approver };
  const open = { approvals: [{ rank: 1, isAutomated: true, isNotificationOn: false }] };
  return {
    name,
    conditions,
    preDeployApprovals: { approvals: [approval] },
    postDeployApprovals: open,
    deployPhases: tasks,
    retentionPolicy: { daysToKeep: 30, releasesToKeep: 3, retainBuild: true },
  };
}

function script(text) {
  return {
    name: "Run",
    rank: 1,
    phaseType: kinds.DeployPhaseTypes.AgentBasedDeployment,
    deploymentInput: { queueId: 1 },
    workflowTasks: [
      { taskId: COMMAND_LINE, version: "2.*", name: "Say", enabled: true, inputs: { script: text } },
    ],
  };
}

const SAYS = `echo $(word) from node
echo "# Fine" > summary.md
echo "##vso[task.addattachment type=report;name=the summary]$PWD/summary.md"
echo "##vso[task.logdetail id=3a3a2a60-14c7-570b-14a4-fa42ad92f52a;name=part;type=build]"`;

const STARTED = [{ conditionType: kinds.ConditionType.Event, name: "ReleaseStarted", value: "" }];

async function definitions(call, me) {
  const made = await call(
    "createReleaseDefinition",
    {
      name: "By node",
      source: kinds.ReleaseDefinitionSource.RestApi,
      variables: { word: { value: "hello", allowOverride: true }, key: { value: "open sesame", isSecret: true } },
      environments: [
        stage("Dev", STARTED, null, [script(SAYS)]),
        stage(
          "Prod",
          [{ conditionType: kinds.ConditionType.EnvironmentState, name: "Dev", value: "4" }],
          me,
          [script("echo done")],
        ),
      ],
    },
    PROJECT,
  );
  assert.equal(made.revision, 1);
  assert.equal(made.source, kinds.ReleaseDefinitionSource.RestApi);
  assert.ok(!made.variables.key.value);
  const read = await call("getReleaseDefinition", PROJECT, made.id);
  assert.deepEqual(read.environments.map((one) => one.name), ["Dev", "Prod"]);
  read.description = "changed";
  const changed = await call("updateReleaseDefinition", read, PROJECT);
  assert.deepEqual([changed.revision, changed.description], [2, "changed"]);
  const listed = await call(
    "getReleaseDefinitions",
    PROJECT,
    "node",
    kinds.ReleaseDefinitionExpands.Environments | kinds.ReleaseDefinitionExpands.Artifacts,
    undefined,
    undefined,
    10,
    undefined,
    kinds.ReleaseDefinitionQueryOrder.NameAscending,
  );
  assert.deepEqual(listed.map((one) => one.id), [made.id]);
  assert.equal(listed[0].environments.length, 2);
  const saves = await call("getReleaseDefinitionHistory", PROJECT, made.id);
  assert.deepEqual(saves.map((one) => one.changeType), [kinds.AuditAction.Add, kinds.AuditAction.Update]);
  assert.match(await text(await call("getDefinitionRevision", PROJECT, made.id, 1)), /By node/);
  assert.match(await text(await call("getReleaseDefinitionRevision", PROJECT, made.id, 2)), /changed/);
  return changed;
}

async function releases(call, definition, me) {
  const draft = await call("createRelease", { definitionId: definition.id, isDraft: true }, PROJECT);
  assert.equal(draft.status, kinds.ReleaseStatus.Draft);
  draft.description = "in words";
  assert.equal((await call("updateRelease", draft, PROJECT, draft.id)).description, "in words");
  const started = await call(
    "updateReleaseResource",
    { status: kinds.ReleaseStatus.Active, keepForever: true },
    PROJECT,
    draft.id,
  );
  assert.deepEqual([started.status, started.keepForever], [kinds.ReleaseStatus.Active, true]);
  const made = await call(
    "createRelease",
    { definitionId: definition.id, variables: { word: { value: "bye" } } },
    PROJECT,
  );
  assert.equal(made.reason, kinds.ReleaseReason.Manual);
  const page = await call(
    "getReleases", PROJECT, definition.id, undefined, undefined, me, kinds.ReleaseStatus.Active,
    undefined, new Date(0), undefined, kinds.ReleaseQueryOrder.Ascending, 1, undefined,
    kinds.ReleaseExpands.Environments | kinds.ReleaseExpands.Approvals,
  );
  assert.deepEqual(page.map((one) => one.id), [draft.id]);
  assert.equal(page[0].environments.length, 2);
  const everywhere = await call("getReleases", undefined, definition.id);
  assert.deepEqual(everywhere.map((one) => one.id), [made.id, draft.id]);
  assert.match(await text(await call("getReleaseRevision", PROJECT, made.id, 1)), /Prod/);
  return await ended(call, made.id, "Dev");
}

async function environments(call, release, definition) {
  const [dev, prod] = release.environments;
  assert.equal(dev.status, kinds.EnvironmentStatus.Succeeded);
  const read = await call("getReleaseEnvironment", PROJECT, release.id, dev.id);
  const phase = read.deploySteps[0].releaseDeployPhases[0];
  const said = phase.deploymentJobs[0].tasks.find((task) => task.name === "Say");
  assert.equal(said.status, kinds.TaskStatus.Succeeded);
  const log = await call("getTaskLog", PROJECT, release.id, dev.id, phase.id, said.id);
  assert.match(await text(log), /bye from node/);
  assert.match(await text(await call("getLog", PROJECT, release.id, dev.id, said.id)), /bye from node/);
  assert.match(await text(await call("getLogs", PROJECT, release.id)), /^PK/);
  const done = await call("getDeployments", PROJECT, definition.id, dev.definitionEnvironmentId);
  assert.ok(done.every((one) => one.releaseEnvironment.name === "Dev"));
  assert.equal(done[0].operationStatus, kinds.DeploymentOperationStatus.Approved);
  const several = await call(
    "getDeploymentsForMultipleEnvironments",
    {
      environments: [
        { releaseDefinitionId: definition.id, definitionEnvironmentId: dev.definitionEnvironmentId },
      ],
    },
    PROJECT,
  );
  if (several) assert.equal(several[0].releaseEnvironment.name, "Dev");
  const canceled = await call(
    "updateReleaseEnvironment",
    { status: kinds.EnvironmentStatus.Canceled, comment: "not now" },
    PROJECT,
    release.id,
    prod.id,
  );
  assert.equal(canceled.name, "Prod");
}

async function approvals(call, definition, me) {
  for (const [verdict, bulk] of [["Approved", false], ["Rejected", true]]) {
    const release = await call("createRelease", { definitionId: definition.id }, PROJECT);
    const asked = await eventually(async () => {
      const found = await call("getApprovals", PROJECT, me, undefined, [release.id]);
      return found[0];
    });
    assert.equal(asked.approvalType, kinds.ApprovalType.PreDeploy);
    assert.equal((await call("getApproval", PROJECT, asked.id, true)).id, asked.id);
    assert.equal((await call("getApprovalHistory", PROJECT, asked.id)).id, asked.id);
    const answer = { id: asked.id, status: kinds.ApprovalStatus[verdict], comments: "by node" };
    const given = bulk
      ? (await call("updateReleaseApprovals", [answer], PROJECT))[0]
      : await call("updateReleaseApproval", answer, PROJECT, asked.id);
    assert.equal(given.status, kinds.ApprovalStatus[verdict]);
    assert.equal(given.approvedBy.id, me);
  }
}

async function interventions(call) {
  const pause = {
    name: "Wait",
    rank: 1,
    phaseType: kinds.DeployPhaseTypes.RunOnServer,
    deploymentInput: {},
    workflowTasks: [
      {
        taskId: "bcb64569-d51a-4af0-9c01-ea5d05b3b622",
        version: "8.*",
        name: "Look at it",
        enabled: true,
        inputs: { instructions: "Look at it" },
      },
    ],
  };
  const environment = stage("Dev", STARTED, null, [pause]);
  const made = await call("createReleaseDefinition", { name: "Pausing", environments: [environment] }, PROJECT);
  const release = await call("createRelease", { definitionId: made.id }, PROJECT);
  const asked = await eventually(
    async () => (await call("getManualInterventions", PROJECT, release.id))[0],
  );
  assert.equal(asked.status, kinds.ManualInterventionStatus.Pending);
  assert.equal((await call("getManualIntervention", PROJECT, release.id, asked.id)).id, asked.id);
  const answer = { status: kinds.ManualInterventionStatus.Approved, comment: "looks good" };
  const given = await call("updateManualIntervention", answer, PROJECT, release.id, asked.id);
  assert.equal(given.status, kinds.ManualInterventionStatus.Approved);
  await ended(call, release.id, "Dev");
}

async function labels(call, definition, release) {
  assert.deepEqual(await call("addReleaseTag", PROJECT, release.id, "a/b"), ["a/b"]);
  assert.deepEqual((await call("addReleaseTags", ["c"], PROJECT, release.id)).sort(), ["a/b", "c"]);
  assert.deepEqual(await call("deleteReleaseTag", PROJECT, release.id, "a/b"), ["c"]);
  assert.deepEqual(await call("getReleaseTags", PROJECT, release.id), ["c"]);
  assert.deepEqual(await call("addDefinitionTag", PROJECT, definition.id, "é"), ["é"]);
  assert.deepEqual((await call("addDefinitionTags", ["f"], PROJECT, definition.id)).sort(), ["f", "é"]);
  assert.deepEqual(await call("deleteDefinitionTag", PROJECT, definition.id, "é"), ["f"]);
  assert.deepEqual(await call("getDefinitionTags", PROJECT, definition.id), ["f"]);
  await call("getTags", PROJECT);
}

async function folders(call) {
  const made = await call("createFolder", { path: "\\Node", description: "ours" }, PROJECT);
  assert.equal(made.path, "\\Node");
  const changed = await call("updateFolder", { path: "\\Nodes" }, PROJECT, "\\Node");
  assert.equal(changed.path, "\\Nodes");
  const found = await call("getFolders", PROJECT);
  assert.ok(found.some((folder) => folder.path === "\\Nodes"));
  await call("deleteFolder", PROJECT, "\\Nodes");
}

async function endings(call, definition, release) {
  await call("updateReleaseResource", { status: kinds.ReleaseStatus.Abandoned }, PROJECT, release.id);
  await call("deleteRelease", PROJECT, release.id, "over");
  const gone = await call("getReleases", PROJECT, definition.id);
  assert.ok(!gone.some((one) => one.id === release.id));
  await call("undeleteRelease", PROJECT, release.id, "after all");
  assert.equal((await call("getRelease", PROJECT, release.id)).id, release.id);
  const told = await call("getReleaseHistory", PROJECT, release.id);
  assert.ok(told.some((line) => line.changeType === "Undelete"), JSON.stringify(told));
  const environment = stage("Dev", STARTED, null, [script("true")]);
  const made = await call("createReleaseDefinition", { name: "Goes", environments: [environment] }, PROJECT);
  await call("deleteReleaseDefinition", PROJECT, made.id, "over", true);
  assert.equal(await call("getReleaseDefinition", PROJECT, made.id), null);
  const back = await call("undeleteReleaseDefinition", { comment: "after all" }, PROJECT, made.id);
  assert.equal(back.name, "Goes");
}

async function overviews(call, definition, release) {
  const summary = await call("getReleaseDefinitionSummary", PROJECT, definition.id, 3, true);
  if (summary) assert.equal(summary.releaseDefinition.id, definition.id);
  const settings = await call("getReleaseSettings", PROJECT);
  if (settings) await call("updateReleaseSettings", settings, PROJECT);
  const dev = release.environments[0];
  const phase = dev.deploySteps[0].releaseDeployPhases[0];
  const plan = phase.runPlanId;
  const tasks = await call("getTasks", PROJECT, release.id, dev.id, 1);
  assert.ok(tasks.some((one) => one.name === "Say"));
  assert.deepEqual(await call("getTasksForTaskGroup", PROJECT, release.id, dev.id, phase.id), tasks);
  const records = await call("getTasks2", PROJECT, release.id, dev.id, 1, plan);
  assert.ok(records.some((one) => one.name === "part"));
  const task = phase.deploymentJobs[0].tasks.find((one) => one.name === "Say");
  const log = await call("getTaskLog2", PROJECT, release.id, dev.id, 1, plan, task.id);
  assert.match(await text(log), /bye from node/);
  const where = [PROJECT, release.id, dev.id, 1];
  const [file] = await call("getReleaseTaskAttachments", ...where, plan, "report");
  assert.deepEqual([file.name, file.recordId], ["the summary", task.timelineRecordId]);
  assert.deepEqual(await call("getTaskAttachments", ...where, plan, "report"), [file]);
  const one = [file.recordId, "report", file.name];
  assert.match(await text(await call("getReleaseTaskAttachmentContent", ...where, plan, plan, ...one)), /# Fine/);
  assert.match(await text(await call("getTaskAttachmentContent", ...where, plan, ...one)), /# Fine/);
}

// What needs things that this installation does not have: a 404 gives null with this client.
async function rest(call, definition, release) {
  const dev = release.environments[0];
  const project = release.projectReference.id;
  await call("updateGates", { gatesToIgnore: ["x"], comment: "" }, PROJECT, 2147483000);
  await call("getGateLog", PROJECT, release.id, dev.id, 1, 1);
  await call("getDeploymentBadge", project, definition.id, dev.definitionEnvironmentId);
}

// What people keep for themselves and for others.
async function kept(call, definition, release, me) {
  const template = { name: "By node", environment: definition.environments[0] };
  const made = await call("createDefinitionEnvironmentTemplate", template, PROJECT);
  const listed = await call("listDefinitionEnvironmentTemplates", PROJECT);
  assert.ok(listed.some((one) => one.id === made.id) && listed.some((one) => !one.canDelete));
  const read = await call("getDefinitionEnvironmentTemplate", PROJECT, made.id);
  assert.equal(read.environment.name, "Dev");
  await call("deleteDefinitionEnvironmentTemplate", PROJECT, made.id);
  const gone = await call("listDefinitionEnvironmentTemplates", PROJECT, true);
  assert.ok(gone.some((one) => one.id === made.id));
  const back = await call("undeleteReleaseDefinitionEnvironmentTemplate", PROJECT, made.id);
  assert.equal(back.isDeleted, false);
  const [item] = await call("createFavorites", [{ name: "Web", type: "definition", data: "7" }], PROJECT, "mine");
  const mine = async () => (await call("getFavorites", PROJECT, "mine")).filter((one) => one.id === item.id);
  assert.deepEqual(await mine(), [item]);
  await call("deleteFavorites", PROJECT, "mine", undefined, item.id);
  assert.deepEqual(await mine(), []);
  const sections = await call("getSummaryMailSections", PROJECT, release.id);
  assert.equal(sections[0].sectionType, kinds.MailSectionType.ReleaseInfo);
  const mail = { subject: "Out", to: { tfsIds: [me] }, sections: [kinds.MailSectionType.Environments] };
  await call("sendSummaryMail", mail, PROJECT, release.id);
  const told = await call("getReleaseHistory", PROJECT, release.id);
  assert.ok(told.some((line) => line.comment === "Out"));
}

// What is collected over many releases, and what their sources tell.
async function collected(call, definition, release) {
  assert.deepEqual(await call("getAgentArtifactDefinitions", PROJECT, release.id), []);
  assert.deepEqual(await call("getAutoTriggerIssues", "Build", "x", "1", PROJECT), []);
  assert.deepEqual(await call("getIssues", PROJECT, 1), []);
  assert.deepEqual(await call("getReleaseChanges", PROJECT, release.id), []);
  assert.deepEqual(await call("getReleaseWorkItemsRefs", PROJECT, release.id), []);
  const environments = await call("getDefinitionEnvironments", PROJECT);
  assert.ok(environments.some((one) => one.releaseDefinitionId === definition.id));
  assert.deepEqual(await call("getFlightAssignments"), []);
  const counted = await call("getMetrics", PROJECT, new Date(0));
  assert.ok(counted.find((one) => one.name === "DeploymentsSucceeded").value > 0);
  const everywhere = await call("getOrgPipelineReleaseSettings");
  assert.ok((await call("updateOrgPipelineReleaseSettings", everywhere)).orgEnforceJobAuthScope);
  const own = await call("getPipelineReleaseSettings", PROJECT);
  assert.ok((await call("updatePipelineReleaseSettings", own, PROJECT)).enforceJobAuthScope);
  assert.deepEqual(await call("getReleaseProjects", "Build", "x"), []);
  assert.deepEqual(await call("getSourceBranches", PROJECT, definition.id), []);
  const types = await call("getArtifactTypeDefinitions", PROJECT);
  assert.ok(types.some((one) => one.name === "Git"));
  const found = await call("getArtifactVersions", PROJECT, definition.id);
  assert.deepEqual(found.artifactVersions, []);
  const none = await call("getArtifactVersionsForSources", [], PROJECT);
  assert.deepEqual(none.artifactVersions, []);
  const asked = {
    currentValues: { artifactType: "Git", definition: "/nowhere" },
    inputValues: [{ inputId: "branches" }],
  };
  const [branches] = (await call("getInputValues", asked, PROJECT)).inputValues;
  assert.match(branches.error.message, /no git repository/);
}

// The release, as soon as this environment has succeeded.
async function ended(call, id, name) {
  return await eventually(async () => {
    const found = await call("getRelease", PROJECT, id);
    const { status } = found.environments.find((one) => one.name === name);
    return status === kinds.EnvironmentStatus.Succeeded && found;
  });
}

async function eventually(look) {
  for (const until = Date.now() + 60_000; Date.now() < until; ) {
    const found = await look();
    if (found) return found;
    await new Promise((go) => setTimeout(go, 50));
  }
  throw new Error(`waited 60 s for: ${look}`);
}

async function text(stream) {
  const parts = [];
  for await (const part of stream) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString("latin1");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
