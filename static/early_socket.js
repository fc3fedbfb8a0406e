/**
 * Opens the sign-in page's socket and asks for its code before any module is there, so that neither costs time of its
 * own; `connection.js` takes the socket over, with what was said on it. It is a script of the old kind because it needs
 * nothing and comes first of all. What it reads was kept by `memory.js`.
 */
{
  const recall = (purpose) => {
    try {
      return JSON.parse(sessionStorage.getItem(`saoma.${purpose}`) ?? "null");
    } catch {
      return null;
    }
  };
  // A page nobody looks at spends no codes, and one that takes requests (`transport.js`) has no use for a socket.
  const isSeen = () => document.visibilityState === "visible";
  if (isSeen() && !recall("way")) {
    const resume = document.currentScript.dataset.resume || recall("sign-in")?.resume;
    const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/ws");
    const asked = JSON.stringify({ type: "get_qr", data: resume ? { resume } : {} });
    const heard = [];
    socket.onopen = () => (resume || isSeen() ? socket.send(asked) : socket.close());
    socket.onmessage = ({ data }) => heard.push({ data, heardAtMs: performance.now() });
    window.earlySocket = Object.assign(socket, { asked, heard });
  }
}
