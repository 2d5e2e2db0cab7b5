// Every route that OpenAI's Node client knows, asked of a running server: `node surface.mjs URL`.
// Prints one JSON object of what came back; the test looks at it.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: `${process.argv[2]}/v1`, apiKey: "any", maxRetries: 0 });
const model = "tiny";
const count = [{ role: "user", content: "count" }];
const weather = [{ role: "user", content: "How is the weather in Bern?" }];
const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object", properties: {} } } }];
const came = {};

const whole = await client.chat.completions.create({ model, messages: count, n: 2, logprobs: true });
came.whole = whole.choices.map((choice) => choice.message.content);
came.logprobs = whole.choices[0].logprobs.content.length;

came.streamed = "";
const chunks = await client.chat.completions.create({
  model, messages: count, stream: true, stream_options: { include_usage: true },
});
for await (const chunk of chunks) {
  came.streamed += chunk.choices[0]?.delta?.content ?? "";
  came.usage = chunk.usage?.completion_tokens ?? came.usage;
}

const called = await client.chat.completions.stream({ model, messages: weather, tools }).finalChatCompletion();
came.call = JSON.parse(called.choices[0].message.tool_calls[0].function.arguments);

came.completion = (await client.completions.create({ model, prompt: "count", max_tokens: 3 })).choices[0].text;

came.response = (await client.responses.create({ model, input: "count" })).output_text;
came.events = [];
for await (const event of await client.responses.create({ model, input: "count", stream: true })) {
  came.events.push(event.type);
}

const embedded = await client.embeddings.create({ model: "all-MiniLM-L6-v2", input: ["one", "two"] });
came.dimensions = embedded.data.map((row) => row.embedding.length);

came.moderated = typeof (await client.moderations.create({ input: "How are you?" })).results[0].flagged;
came.models = (await client.models.list()).data.map((one) => one.id);
came.retrieved = (await client.models.retrieve("tiny@base")).id;
came.jobs = (await client.fineTuning.jobs.list()).data.map((job) => job.status);

try {
  await client.chat.completions.create({ model: "gpt-9", messages: count });
} catch (error) {
  came.error = [error.constructor.name, error.status, error.code, error.param, Boolean(error.requestID)];
}

console.log(JSON.stringify(came));
