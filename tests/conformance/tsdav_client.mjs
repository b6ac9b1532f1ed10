// What a program on tsdav does with an account: discovers it, reads, adds, edits and deletes a card, syncs. Prints JSON.
import tsdav from 'tsdav';

const [serverUrl, username, password, bookName] = process.argv.slice(2);
const client = await tsdav.createDAVClient({
  serverUrl,
  credentials: { username, password },
  authMethod: 'Basic',
  defaultAccountType: 'carddav',
});
const books = await client.fetchAddressBooks();
const book = books.find((each) => each.displayName === bookName);
const before = await client.fetchVCards({ addressBook: book });

const card = (name) => `BEGIN:VCARD\r\nVERSION:3.0\r\nUID:tsdav\r\nFN:${name}\r\nN:${name};;;;\r\nEND:VCARD\r\n`;
const read = async () => (await client.fetchVCards({ addressBook: book })).find((each) => each.url.endsWith('/ts.vcf'));

const created = await client.createVCard({ addressBook: book, filename: 'ts.vcf', vCardString: card('Made') });
const made = await read();
const updated = await client.updateVCard({ vCard: { ...made, data: card('Edited') } });
const stale = await client.updateVCard({ vCard: { ...made, data: card('Stale') } });
const edited = await read();
const sync = (state) => client.smartCollectionSync({
  collection: { ...book, objectMultiGet: client.addressBookMultiGet, ...state },
  method: 'webdav',
  detailedResult: true,
});
const synced = await sync({ objects: before });
const foreign = await sync({ objects: before, syncToken: 'http://sabre.io/ns/sync/5' }).catch((error) => error.message);
const anew = await sync({ objects: [], syncToken: '' });
const deleted = await client.deleteVCard({ vCard: edited });
const after = await client.fetchVCards({ addressBook: book });

console.log(JSON.stringify({
  books: books.map(({ displayName, url, ctag, syncToken, reports }) => ({ displayName, url, ctag, syncToken, reports })),
  before: before.map(({ url, etag, data }) => ({ url, etag, data })),
  statuses: [created.status, updated.status, stale.status, deleted.status],
  edited: edited.data,
  synced: { created: synced.objects.created.map(({ url }) => url), token: synced.syncToken },
  foreign,
  anew: anew.objects.created.map(({ url }) => url),
  after: after.map(({ url }) => url),
}));
