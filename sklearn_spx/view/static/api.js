// Questions to the server, below the page's own address, which has the secret in it.

export class Failure extends Error {
  constructor(message, status) { super(message); this.status = status; }
}

async function answered(path, options) {
  let answer;
  try {
    answer = await fetch(`api/${path}`, { credentials: "omit", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure("The server does not answer. Does sklearn-spx view still run?", 0);
  }
  if (answer.ok) return answer;
  let message = `The server answered ${answer.status}.`;
  try { message = (await answer.json()).error; } catch { /* it was no JSON */ }
  throw new Failure(message, answer.status);
}

export const ask = async (path, signal) => (await answered(path, { signal })).json();

export const tell = async (path, body = {}) => (await answered(path, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
})).json();

export async function bytes(path) {
  const answer = await answered(path);
  return { buffer: await answer.arrayBuffer(), version: Number(answer.headers.get("X-Version")) };
}

export const picture = async (path, signal) =>
  createImageBitmap(await (await answered(path, { signal })).blob());

export const upload = async (file) => (await answered(`images?name=${encodeURIComponent(file.name)}`, {
  method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file,
})).json();

// Wait for the end of a job; `news` is called with all that is told of it.
export async function follow(job, news) {
  while (!["done", "failed", "cancelled"].includes(job.state)) {
    news(job);
    job = await ask(`jobs/${job.job}?wait=1&stage=${encodeURIComponent(job.stage)}`);
  }
  if (job.state === "failed") throw new Failure(job.stage, 422);
  return job;
}
