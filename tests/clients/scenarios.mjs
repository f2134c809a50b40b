// What every JavaScript client is asked, and the line for each outcome that `make clients` reads. See scenarios.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { z } from "zod";

export const url = process.env.ARKWAY_URL;
export const pictures = [process.env.ARKWAY_RED, process.env.ARKWAY_BLUE];
export const key = "callers-key";
const MODELS = ["doubao-vision", "qwen-vl", "strawberry-counter"];
const PATIENCE = 30_000; // milliseconds for one scenario

/** A question that tells the simulated model what to do. */
const scripted = (fault) => `Go on. [[fault: ${JSON.stringify(fault)}]]`;

export const hello = "Good morning";
export const said = "你好，世界！👋🏽 Ça va? 👨‍👩‍👧‍👦 再见 🇨🇳";
export const say = scripted({ text: said });
export const thought = "Two and two 是四。";
export const think = scripted({ thought });
export const bad = scripted({ status: 400, message: "The picture is too dull." });
export const broken = scripted({ cut_after: 6 });
export const look = "What do you see?";
// The simulated models call what they are told to, in three rounds; the first has two calls at once.
export const call = "call weather and call clock, afterwards call weather, afterwards call clock";
export const rounds = [2, 1, 1];
const CITY = "Paris";
export const outputs = { weather: "sunny ☀️", clock: "noon 十二点" };
export const Arguments = z.object({ city: z.enum([CITY]) });
export const Report = z.object({ title: z.string(), count: z.number(), tags: z.array(z.string()) });

export function sawBoth(text) {
  const [red, blue] = ["red", "blue"].map((colour, i) => text.indexOf(`image ${i}: PNG 64x48, dominant colour ${colour}`));
  assert.ok(red >= 0 && red < blue, text);
}

/** The model's last word tells every output that it was given. */
export function usedTools(text) {
  for (const output of Object.values(outputs)) assert.equal(text.split(`tool: text "${output}"`).length, 3, text);
}

export function tell(name, given) {
  assert.deepEqual(typeof given === "string" ? JSON.parse(given) : given, { city: CITY });
  return outputs[name];
}

/** Runs each function of each API on each model. */
export async function run(name, apis) {
  console.log("client", name, JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version);
  for (const model of MODELS)
    for (const [api, scenarios] of Object.entries(apis))
      for (const [scenario, play] of Object.entries(scenarios)) await outcome(`${api} ${model} ${scenario}`, () => play(model));
}

async function outcome(line, play) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("it takes too long")), PATIENCE)));
  try {
    await Promise.race([play(), late]);
    console.log("ok", line);
  } catch (error) {
    console.error(error);
    console.log("failed", line, `${error.name}: ${error.message}`.replaceAll(/\s+/g, " ").slice(0, 300));
    process.exitCode = 1;
  } finally {
    clearTimeout(timer);
  }
}
