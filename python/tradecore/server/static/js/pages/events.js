import { el } from "../dom.js";
import { eventsPanel } from "../panels/events.js";

/** What happened. */
export function eventsPage(app) {
  const events = eventsPanel(app);
  events.root.classList.add("w12");
  return { id: "events", title: "Events", root: el("div", { class: "page" }, events.root), panels: [events] };
}
