// The OpenAI SDK for Node.js.

import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodFunction, zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import {
  Arguments, Report, bad, broken, call, hello, key, look, outputs, pictures, rounds, run, said, sawBoth, say, tell, think,
  thought, url, usedTools,
} from "./scenarios.mjs";

const client = new OpenAI({ baseURL: url, apiKey: key, maxRetries: 0 });
const user = (content) => ({ role: "user", content });
const tooDull = (error) => error instanceof OpenAI.BadRequestError && error.message.includes("too dull");

const wholeChat = (body) => client.chat.completions.create(body);
const streamedChat = (body) => client.chat.completions.stream(body).finalChatCompletion();

async function chatLoop(model, stream) {
  const told = [];
  const tools = Object.keys(outputs).map((name) =>
    zodFunction({ name, parameters: Arguments, function: (given) => (told.push(name), tell(name, given)) }),
  );
  const runner = client.chat.completions.runTools({ model, messages: [user(call)], tools, stream });
  usedTools(await runner.finalContent());
  const calls = runner.messages.filter((message) => message.tool_calls?.length).map((message) => message.tool_calls.length);
  assert.deepEqual(calls, rounds);
  assert.equal(told.length, 4);
}

const chat = {
  async text(model) {
    const { choices, usage } = await wholeChat({ model, messages: [user(hello)] });
    assert.ok(choices[0].message.content.includes(hello));
    assert.ok(usage.total_tokens > 0);
  },
  async text_streamed(model) {
    let text = "";
    let usage;
    const options = { include_usage: true };
    for await (const chunk of await wholeChat({ model, messages: [user(say)], stream: true, stream_options: options })) {
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, said);
    assert.ok(usage.total_tokens > 0);
  },
  async pictures(model) {
    const shown = pictures.map((picture) => ({ type: "image_url", image_url: { url: picture } }));
    const { choices } = await wholeChat({ model, messages: [user([...shown, { type: "text", text: look }])] });
    sawBoth(choices[0].message.content);
  },
  tools: (model) => chatLoop(model, false),
  tools_streamed: (model) => chatLoop(model, true),
  async structured(model) {
    const response_format = zodResponseFormat(Report, "report");
    const { choices } = await client.chat.completions.parse({ model, messages: [user(hello)], response_format });
    assert.ok(choices[0].message.parsed.title.includes(hello));
  },
  async reasoning(model) {
    const { choices } = await wholeChat({ model, messages: [user(think)] });
    assert.equal(choices[0].message.reasoning_content, thought);
    let told = ""; // the helper `stream()` joins the pieces of OpenAI's own fields only
    for await (const chunk of await wholeChat({ model, messages: [user(think)], stream: true }))
      told += chunk.choices[0]?.delta.reasoning_content ?? "";
    assert.equal(told, thought);
  },
  async refused(model) {
    await assert.rejects(wholeChat({ model, messages: [user(bad)] }), tooDull);
  },
  async broken(model) {
    await assert.rejects(streamedChat({ model, messages: [user(broken)] }), OpenAI.APIError);
  },
};

const whole = (body) => client.responses.create(body);
const streamed = (body) => client.responses.stream(body).finalResponse();

async function loop(model, ask) {
  const tools = Object.keys(outputs).map((name) => {
    const { function: described } = zodFunction({ name, parameters: Arguments });
    return { type: "function", ...described };
  });
  const input = [user(call)];
  const counts = [];
  for (;;) {
    const response = await ask({ model, input, tools });
    const calls = response.output.filter((item) => item.type === "function_call");
    if (!calls.length) {
      assert.deepEqual(counts, rounds);
      return usedTools(response.output_text);
    }
    counts.push(calls.length);
    const told = calls.map(({ call_id, name, arguments: given }) => ({ type: "function_call_output", call_id, output: tell(name, given) }));
    input.push(...response.output, ...told);
  }
}

const responses = {
  async text(model) {
    const { output_text, status, usage } = await whole({ model, input: hello, instructions: "Be short." });
    assert.ok(output_text.includes(hello));
    assert.equal(status, "completed");
    assert.ok(usage.total_tokens > 0);
  },
  async text_streamed(model) {
    const events = [];
    for await (const event of await whole({ model, input: say, stream: true })) events.push(event);
    assert.deepEqual(events.map((event) => event.sequence_number), [...events.keys()]);
    assert.equal(events.flatMap((event) => (event.type === "response.output_text.delta" ? [event.delta] : [])).join(""), said);
    assert.equal(events.at(-1).type, "response.completed");
    assert.ok(events.at(-1).response.usage.total_tokens > 0);
  },
  async pictures(model) {
    const shown = pictures.map((image_url) => ({ type: "input_image", image_url, detail: "auto" }));
    const body = { model, input: [user([...shown, { type: "input_text", text: look }])] };
    sawBoth((await whole(body)).output_text);
    let text = ""; // the helper `stream()` gives up at events like image_process_call, which are not OpenAI's
    for await (const event of await whole({ ...body, stream: true }))
      if (event.type === "response.output_text.delta") text += event.delta;
    sawBoth(text);
  },
  tools: (model) => loop(model, whole),
  tools_streamed: (model) => loop(model, streamed),
  async structured(model) {
    const { output_parsed } = await client.responses.parse({ model, input: hello, text: { format: zodTextFormat(Report, "report") } });
    assert.ok(output_parsed.title.includes(hello));
  },
  async reasoning(model) {
    for (const ask of [whole, streamed]) {
      const [item] = (await ask({ model, input: think })).output;
      assert.equal(item.type, "reasoning");
      assert.equal(item.summary[0].text, thought);
    }
  },
  async refused(model) {
    await assert.rejects(whole({ model, input: bad }), tooDull);
  },
  async broken(model) {
    const types = [];
    for await (const event of await whole({ model, input: broken, stream: true })) types.push(event.type);
    assert.equal(types.at(-1), "response.failed");
  },
  async continued(model) {
    const first = await whole({ model, input: hello });
    const second = await streamed({ model, input: "And now?", previous_response_id: first.id });
    assert.ok(second.output_text.includes(hello));
    assert.equal((await client.responses.retrieve(second.id)).output_text, second.output_text);
  },
};

await run("openai", { chat, responses });
