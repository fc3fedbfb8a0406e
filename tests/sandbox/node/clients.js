// What a site does with WeChat, done by clients that others wrote, unchanged but for the address.
//
// node clients.js NAME '{"baseUrl", "appid", "secret", "openid"}' prints what came of it as JSON.

'use strict';

const { promisify } = require('util');

const CoWechatApi = require('co-wechat-api');
const { OfficialAccount } = require('node-easywechat');
const WechatApi = require('wechat-api');

const SCENE = 12;
const SECONDS = 180;
const TEXT = '你好，"世界"';

/** Ask the sandbox itself for something, as its phone and its page do. */
async function steer(sandbox, path, body) {
  const response = await fetch(sandbox.baseUrl + path, { method: 'POST', body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

function scan(sandbox, code) {
  return steer(sandbox, '/phone/scan', { ticket: code.ticket, openid: sandbox.openid });
}

/** co-wechat-api: `/cgi-bin/token`, promises, one refresh when a token was rotated. */
async function coWechatApi(sandbox) {
  const api = new CoWechatApi(sandbox.appid, sandbox.secret);
  api.prefix = `${sandbox.baseUrl}/cgi-bin/`;
  const { accessToken } = await api.getAccessToken();
  const code = await api.createTmpQRCode(SCENE, SECONDS);
  await scan(sandbox, code);
  const user = await api.getUser(sandbox.openid);
  const sent = await api.sendText(sandbox.openid, TEXT);
  const { ip_list: addresses } = await api.getIp();
  await steer(sandbox, '/sandbox/tokens', { act: 'rotate' });
  const again = await api.createTmpQRCode('named', SECONDS);
  return { accessToken, code, user, sent, addresses, again };
}

/** wechat-api: `/cgi-bin/token`, callbacks. */
async function wechatApi(sandbox) {
  const api = new WechatApi(sandbox.appid, sandbox.secret);
  api.endpoint = sandbox.baseUrl;
  const call = (name, ...values) => promisify(api[name].bind(api))(...values);
  const { accessToken } = await call('getAccessToken');
  const code = await call('createTmpQRCode', SCENE, SECONDS);
  await scan(sandbox, code);
  const user = await call('getUser', sandbox.openid);
  const sent = await call('sendText', sandbox.openid, TEXT);
  const { ip_list: addresses } = await call('getIp');
  const again = await call('createTmpQRCode', 'named', SECONDS);
  return { accessToken, code, user, sent, addresses, again };
}

/** node-easywechat: `/cgi-bin/stable_token`; its own cache would be a file that outlives us. */
async function easywechat(sandbox) {
  const kept = new Map();
  const app = new OfficialAccount({
    app_id: sandbox.appid,
    secret: sandbox.secret,
    use_stable_access_token: true,
    http: { baseURL: `${sandbox.baseUrl}/` },
  });
  app.setCache({
    get: async (key) => kept.get(key),
    set: async (key, value) => Boolean(kept.set(key, value)),
    has: async (key) => kept.has(key),
    delete: async (key) => kept.delete(key),
    clear: async () => kept.clear(),
  });
  const client = app.getClient();
  const post = async (path, json) => (await client.request('post', path, { json })).toObject();
  const get = async (path, params) => (await client.request('get', path, { params })).toObject();
  const create = (action_name, scene) =>
    post('cgi-bin/qrcode/create', { expire_seconds: SECONDS, action_name, action_info: { scene } });

  const accessToken = await app.getAccessToken().getToken();
  const code = await create('QR_SCENE', { scene_id: SCENE });
  await scan(sandbox, code);
  const user = await get('cgi-bin/user/info', { openid: sandbox.openid });
  const message = { touser: sandbox.openid, msgtype: 'text', text: { content: TEXT } };
  const sent = await post('cgi-bin/message/custom/send', message);
  const { ip_list: addresses } = await get('cgi-bin/getcallbackip');
  const again = await create('QR_STR_SCENE', { scene_str: 'named' });
  return { accessToken, code, user, sent, addresses, again };
}

const CLIENTS = { 'co-wechat-api': coWechatApi, 'wechat-api': wechatApi, 'node-easywechat': easywechat };
const [name, sandbox] = process.argv.slice(2);

CLIENTS[name](JSON.parse(sandbox)).then(
  (outcome) => process.stdout.write(`${JSON.stringify(outcome)}\n`),
  (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
  },
);
