// What a program on ldapts does with a directory; prints JSON.
import { readFileSync } from 'node:fs';
import { Client, ServerSideSortingRequestControl } from 'ldapts';

const [url, certificate, dn, password, base] = process.argv.slice(2);
const autocomplete = '(|(cn=*given4*)(mail=*given4*)(givenName=*given4*)(sn=*given4*))';
const opened = () => new Client({ url, timeout: 60000, connectTimeout: 60000 });
const bound = async (client, secret = password) => (await client.bind(dn, secret), client);
const codeOf = (promise) => promise.then(() => 0, (error) => error.code);
const entries = async (client, options, control) =>
  (await client.search(base, { scope: 'sub', attributes: ['mail'], ...options }, control)).searchEntries;
const mails = async (...asked) => (await entries(...asked)).map((entry) => entry.mail);

const client = await bound(opened());
const pages = [];
for await (const page of client.searchPaginated(base, { filter: '(mail=*)', attributes: ['mail'], paged: { pageSize: 20 } })) {
  pages.push(page.searchEntries.map((entry) => entry.mail));
}
const order = new ServerSideSortingRequestControl({ critical: true, value: [{ attributeType: 'sn' }] });
const [root] = (await client.search('', { scope: 'base', attributes: ['namingContexts', 'subschemaSubentry'] })).searchEntries;
const [schema] = (await client.search(root.subschemaSubentry, { scope: 'base', attributes: ['attributeTypes'] })).searchEntries;
const attributes = ['mozillaSecondEmail', 'sn'].filter((name) => schema.attributeTypes.some((each) => each.includes(`'${name}'`)));
const secure = opened();
await secure.startTLS({ ca: [readFileSync(certificate)] });
await bound(secure);

console.log(JSON.stringify({
  wrong: await codeOf(bound(opened(), 'wrong')),
  written: await codeOf(client.del(dn)),
  found: await mails(client, { filter: autocomplete, sizeLimit: 100 }),
  limited: (await entries(client, { filter: '(mail=*)', sizeLimit: 5 })).length, // code 4 is not told
  pages,
  window: null, // it knows no virtual list views
  sorted: await mails(client, { filter: '(mail=*)' }, order),
  base: root.namingContexts,
  attributes,
  who: (await secure.exop('1.3.6.1.4.1.4203.1.11.3')).value,
  trusted: await mails(secure, { filter: '(sn=name07)' }),
}));
process.exit(0); // the refused connection are still open
