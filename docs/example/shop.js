/** The shop: listens to the element in the page, and asks by the one in a dialog when an answer is 401. */
const [login, ask, answer, events] = ["login", "ask", "answer", "events"].map((id) => document.getElementById(id));

for (const element of [login, ask]) {
  for (const name of ["scanned", "bind", "success", "error"]) {
    element.addEventListener(name, ({ detail }) => {
      const line = document.createElement("li");
      line.textContent = `${element.id}: ${name} ${JSON.stringify(detail)}`;
      events.append(line);
    });
  }
}

document.getElementById("orders").addEventListener("click", async () => {
  const response = await ask.fetch("/orders");
  answer.textContent = response.ok ? (await response.json()).text : "You are not signed in.";
});

document.getElementById("sign-out").addEventListener("click", async () => {
  await login.signOut();
  answer.textContent = "Signed out.";
});
