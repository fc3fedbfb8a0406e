// Rendered from templates/texts.json by `make docs`; do not edit.

export const WORDS = Object.freeze({
  zh: {
    sign_in: "登录",
    embed_unreachable: "暂时连不上登录服务。请检查网络，再试一次。",
    embed_origin_refused: "这个网站还没有开通扫码登录，请告诉网站的管理员。",
    try_again: "再试一次",
    close: "关闭",
  },
  en: {
    sign_in: "Sign in",
    embed_unreachable: "The sign-in service cannot be reached. Check your connection and try again.",
    embed_origin_refused: "Signing in is not set up for this site yet. Please tell the people who run it.",
    try_again: "Try again",
    close: "Close",
  },
});
