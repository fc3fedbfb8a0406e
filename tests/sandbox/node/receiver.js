// An account's server made of npm's `wechat` middleware: it answers each push with what it read.
//
// node receiver.js '{"token", "appid", "encodingAESKey"?}' prints its address on the first line and
// serves until it is ended.

'use strict';

const http = require('http');

const wechat = require('wechat');

const config = JSON.parse(process.argv[2]);

const middleware = wechat(config, (request, response) => {
  const { MsgType, Event, EventKey, Ticket, Content, FromUserName } = request.weixin;
  const read = { MsgType, Event, EventKey, Ticket, Content, FromUserName };
  // Encoded, because the middleware does not escape what would end a CDATA section.
  response.reply(encodeURIComponent(JSON.stringify(read)));
});

const server = http.createServer((request, response) => {
  request.query = Object.fromEntries(new URL(request.url, 'http://localhost').searchParams);
  middleware(request, response, (error) => {
    response.writeHead(500);
    response.end(String(error));
  });
});

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${server.address().port}/wechat\n`);
});
