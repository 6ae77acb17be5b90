// Print one JSON line for each audit of the server at the address given: { id, name, status, reason }.
import { auditServer } from "graphql-http";

const [url] = process.argv.slice(2);
for (const audit of await auditServer({ url })) {
  const { id, name, status } = audit;
  console.log(JSON.stringify({ id, name, status, reason: audit.reason ?? null }));
}
