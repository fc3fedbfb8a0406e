// Rendered from login/messages.py by `make docs`; do not edit.

export const MessageType = Object.freeze({
  GET_QR: "get_qr",
  CHOOSE: "choose",
  QR: "qr",
  SCANNED: "scanned",
  SUCCESS: "success",
  BIND_REQUIRED: "bind_required",
  DENIED: "denied",
  EXPIRED: "expired",
  SUPERSEDED: "superseded",
  ERROR: "error",
});

export const ErrorCode = Object.freeze({
  POOL_EXHAUSTED: "pool_exhausted",
  RATE_LIMITED: "rate_limited",
  WECHAT_UNAVAILABLE: "wechat_unavailable",
  QUOTA_EXHAUSTED: "quota_exhausted",
  QUOTA_LOW: "quota_low",
  STORE_UNAVAILABLE: "store_unavailable",
  BAD_MESSAGE: "bad_message",
  UNKNOWN_ATTEMPT: "unknown_attempt",
});

export const Pause = Object.freeze({
  IDLE: "idle",
  QUOTA: "quota",
});

export const NotLinked = Object.freeze({
  OPENID_TAKEN: "openid_taken",
  ACCOUNT_TAKEN: "account_taken",
});

export const CloseCode = Object.freeze({
  DONE: 1000,
  GOING_AWAY: 1001,
  RESTARTING: 1012,
  TRY_LATER: 1013,
  BAD_MESSAGE: 4400,
  REFUSED: 4403,
});
