// Defines, queues, watches and reads a build as users of the build client do.
const assert = require("node:assert/strict");
const azure = require("azure-devops-node-api");
const kinds = require("azure-devops-node-api/interfaces/BuildInterfaces");

const PROJECT = "Default";
const BASH = "6c731c3c-3c68-459a-a5c9-bde6e6595b5b";
const SCRIPT = `mkdir -p out && echo content > out/file.txt
echo hello from the build
echo "##vso[artifact.upload artifactname=drop]$PWD/out"`;

async function text(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

async function main() {
  const handler = azure.getPersonalAccessTokenHandler(process.env.TOKEN);
  const api = await new azure.WebApi(process.env.BASE_URL, handler).getBuildApi();
  const step = {
    task: { id: BASH, versionSpec: "3.*", definitionType: "task" },
    displayName: "Script",
    enabled: true,
    inputs: { targetType: "inline", script: SCRIPT },
  };
  const phases = [{ name: "Job", refName: "Job", condition: "succeeded()", steps: [step] }];
  const asked = { name: "Node builds", process: { type: 1, phases }, queue: { name: "Default" } };
  const made = await api.createDefinition(asked, PROJECT);
  assert.equal(made.quality, kinds.DefinitionQuality.Definition);
  const listed = await api.getDefinitions(PROJECT, "node *", undefined, undefined,
    kinds.DefinitionQueryOrder.DefinitionNameAscending, 10);
  assert.deepEqual(listed.map((one) => one.id), [made.id]);
  const queued = await api.queueBuild({ definition: { id: made.id } }, PROJECT);
  let build = queued;
  while (build.status !== kinds.BuildStatus.Completed) {
    await new Promise((done) => setTimeout(done, 200));
    build = await api.getBuild(PROJECT, queued.id);
  }
  assert.equal(build.result, kinds.BuildResult.Succeeded);
  assert.ok(build.finishTime instanceof Date);
  const timeline = await api.getBuildTimeline(PROJECT, build.id);
  const record = timeline.records.find((one) => one.name === "Script");
  assert.equal(record.state, kinds.TimelineRecordState.Completed);
  const lines = await api.getBuildLogLines(PROJECT, build.id, record.log.id);
  assert.ok(lines.some((line) => line.includes("hello from the build")));
  const artifacts = await api.getArtifacts(PROJECT, build.id);
  assert.deepEqual(artifacts.map((one) => one.name), ["drop"]);
  const zip = await text(await api.getArtifactContentZip(PROJECT, build.id, "drop"));
  assert.equal(zip.subarray(0, 2).toString(), "PK");
  assert.deepEqual(await api.addBuildTag(PROJECT, build.id, "good"), ["good"]);
  const tagged = await api.getBuilds(PROJECT, [made.id], undefined, undefined, undefined, undefined,
    undefined, undefined, kinds.BuildStatus.Completed, undefined, ["good"]);
  assert.deepEqual(tagged.map((one) => one.id), [build.id]);
  await api.deleteDefinition(PROJECT, made.id);
  console.log("ok");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
