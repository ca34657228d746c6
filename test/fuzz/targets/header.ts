/** Header blocks: fields lie in the block, in order; an edit leaves every octet of the others alone. */
import { editHeader } from "../../../core/kernel/header-edit.ts";
import { addressSpecs, createHeaders, fieldValue, headerEnd, parseHeader } from "../../../core/mail/header.ts";
import { headerFields } from "../../../core/mail/structure/header-fields.ts";
import { surveyMessage } from "../../../core/mail/survey.ts";
import { countHops } from "../../../core/queue/received-field.ts";
import { messages } from "../corpus.ts";
import { hold, type Target } from "../target.ts";

export const target: Target = {
  name: "header",
  inputs: 1200,
  corpus: messages,
  words: ["Received: ", "Subject:", "=?utf-8?B?", "?=", "From: ", "\r\n ", "\r\n\t", "(", '"'],
  run(input) {
    const end = headerEnd(input);
    hold(end === -1 || (end > 0 && end <= input.length), () => `the header ends at ${end}`);
    const block = end === -1 ? input : input.subarray(0, end);
    const fields = parseHeader(block);
    let last = 0;
    for (const field of fields) {
      const isOrdered = last <= field.start && field.start < field.valueStart && field.valueStart <= field.end;
      hold(isOrdered && field.end <= block.length, () => `field at ${field.start} is out of place`);
      last = field.end;
      addressSpecs(fieldValue(block, field));
    }
    const headers = createHeaders(block);
    for (const { name } of fields) hold(headers.get(name) !== undefined, () => `no ${name}`);
    hold(countHops(block) <= fields.length + 1, () => "more hops than fields");
    surveyMessage(block);
    for (const _ of headerFields(block));
    const edited = Buffer.from(editHeader(block, [{ op: "prepend", header: "X-Fuzz", value: "1" }]));
    hold(edited.subarray(0, 11).toString() === "X-Fuzz: 1\r\n", () => "nothing was put before it");
    hold(edited.includes(block.subarray(0, last)), () => "the fields are not what they were");
  },
};
