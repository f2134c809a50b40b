// The Vercel AI SDK, with OpenAI's provider in both APIs and the provider for services like it.

import assert from "node:assert/strict";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, Output, generateText, stepCountIs, streamText, tool } from "ai";
import {
  Arguments, Report, bad, broken, call, hello, key, look, outputs, pictures, rounds, run, said, sawBoth, say, tell, think,
  thought, url, usedTools,
} from "./scenarios.mjs";

const openai = createOpenAI({ baseURL: url, apiKey: key });
const compatible = createOpenAICompatible({
  name: "arkway", baseURL: url, apiKey: key, includeUsage: true, supportsStructuredOutputs: true,
});
const ask = { maxRetries: 0, onError: () => {} };

const tools = Object.fromEntries(
  Object.keys(outputs).map((name) => [
    name, tool({ description: "Tells.", inputSchema: Arguments, execute: async (given) => tell(name, given) }),
  ]),
);

function looped(steps, text) {
  assert.deepEqual(steps.map((step) => step.toolCalls.length), [...rounds, 0]);
  usedTools(text);
}

const scenarios = (modelOf, reasons) => ({
  async text(model) {
    const { text, usage, finishReason } = await generateText({ ...ask, model: modelOf(model), system: "Be short.", prompt: hello });
    assert.ok(text.includes(hello));
    assert.equal(finishReason, "stop");
    assert.ok(usage.totalTokens > 0);
  },
  async text_streamed(model) {
    const result = streamText({ ...ask, model: modelOf(model), prompt: say });
    let text = "";
    for await (const delta of result.textStream) text += delta;
    assert.equal(text, said);
    assert.ok((await result.usage).totalTokens > 0);
    assert.equal(await result.finishReason, "stop");
  },
  async pictures(model) {
    const content = [...pictures.map((image) => ({ type: "image", image })), { type: "text", text: look }];
    // Streamed, as `generateText` refuses whole Responses with items that are not OpenAI's, such as image_process.
    sawBoth(await streamText({ ...ask, model: modelOf(model), messages: [{ role: "user", content }] }).text);
  },
  async tools(model) {
    const { steps, text } = await generateText({ ...ask, model: modelOf(model), prompt: call, tools, stopWhen: stepCountIs(6) });
    looped(steps, text);
  },
  async tools_streamed(model) {
    const result = streamText({ ...ask, model: modelOf(model), prompt: call, tools, stopWhen: stepCountIs(6) });
    await result.consumeStream();
    looped(await result.steps, await result.text);
  },
  async structured(model) {
    const { output } = await generateText({ ...ask, model: modelOf(model), prompt: hello, output: Output.object({ schema: Report }) });
    assert.ok(output.title.includes(hello));
  },
  ...(reasons && {
    async reasoning(model) {
      assert.equal((await generateText({ ...ask, model: modelOf(model), prompt: think })).reasoningText, thought);
      assert.equal(await streamText({ ...ask, model: modelOf(model), prompt: think }).reasoningText, thought);
    },
  }),
  async refused(model) {
    const tooDull = (error) => APICallError.isInstance(error) && error.statusCode === 400 && error.message.includes("too dull");
    await assert.rejects(generateText({ ...ask, model: modelOf(model), prompt: bad }), tooDull);
  },
  async broken(model) {
    const parts = [];
    for await (const part of streamText({ ...ask, model: modelOf(model), prompt: broken }).fullStream) parts.push(part);
    const ending = parts.find((part) => part.type === "error") ?? parts.find((part) => part.type === "finish");
    assert.ok(ending.error ?? ending.finishReason === "error", JSON.stringify(parts.at(-1)));
  },
  async continued(model) {
    const asked = { ...ask, model: modelOf(model), tools, stopWhen: stepCountIs(6) };
    const first = await generateText({ ...asked, prompt: call });
    const messages = [{ role: "user", content: call }, ...(first.responseMessages ?? first.response.messages), { role: "user", content: hello }];
    const { text } = await generateText({ ...asked, messages });
    usedTools(text);
    assert.ok(text.includes(`last user text: "${hello}"`), text);
  },
});

await run("ai", {
  chat: scenarios(openai.chat, false), // of chat's answers this provider takes no reasoning
  compatible: scenarios(compatible, true),
  responses: scenarios(openai.responses, true),
});
