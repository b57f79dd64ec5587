import { el } from "../dom.js";
import { sessionsPanel, usersPanel } from "../panels/people.js";

/** Who may do what here, and what has run. */
export function peoplePage(app) {
  const [users, sessions] = [usersPanel(app), sessionsPanel(app)];
  return { id: "people", title: "Users", root: el("div", { class: "page" }, users.root, sessions.root), panels: [users, sessions] };
}
