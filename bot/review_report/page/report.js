"use strict";
(() => {
  const { rows, labels } = JSON.parse(document.getElementById("data").textContent);
  const list = document.getElementById("list");
  const PAGE = 200;

  const make = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    // Text only: whatever a cluster's objects are called, it is never read as markup.
    if (text !== undefined) made.textContent = text;
    return made;
  };

  const fact = (label, value) => {
    const pair = make("div");
    pair.append(make("dt", "", label));
    const said = make("dd");
    if (typeof value === "string") {
      said.textContent = value;
    } else {
      const lines = make("ul");
      lines.append(...value.map((line) => make("li", "", line)));
      said.append(lines);
    }
    pair.append(said);
    return pair;
  };

  const facts = (row) => {
    const made = make("dl");
    for (const [key, label] of labels) if (key in row) made.append(fact(label, row[key]));
    return made;
  };

  const draw = (row) => {
    const made = make("details", "row");
    const line = make("summary");
    const who = make("span", "who", row.who || "");
    if (row.state) who.append(" ", make("em", "", row.state));
    const what = make("span", "what");
    what.append(make("b", "", row.rule), " ", make("span", "", row.title));
    line.append(
      make("span", `sev ${row.severity}`, row.severity),
      who,
      what,
      make("span", "where", row.where || ""),
      make("span", "through", row.through || ""),
    );
    made.append(line);
    // What nobody opens is not made: ten thousand findings stay quick.
    made.addEventListener("toggle", () => made.open && !made.querySelector("dl") && made.append(facts(row)));
    return made;
  };

  if (list) {
    const byId = (id) => document.getElementById(id);
    const form = byId("filters");
    const text = rows.map((row) =>
      [row.id, row.who, row.rule, row.title, row.where, row.through, row.role, row.file, row.owner, row.cluster, ...(row.gives || [])]
        .join("\n")
        .toLowerCase(),
    );
    let found = [];
    let shown = 0;

    const more = () => {
      const next = found.slice(shown, shown + PAGE);
      list.append(...next.map((at) => draw(rows[at])));
      shown += next.length;
      byId("more").hidden = shown >= found.length;
      const left = found.length - shown;
      byId("count").textContent =
        `${found.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} findings, worst first` +
        (left > 0 ? `; ${left.toLocaleString("en")} below "Show more".` : ".");
    };

    const filter = () => {
      const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
      const severities = new Set([...form.querySelectorAll("[name=severity]:checked")].map((one) => one.value));
      const [rule, cluster, standing] = ["rule", "cluster", "standing"].map((id) => byId(id).value);
      found = [];
      rows.forEach((row, at) => {
        if (
          severities.has(row.severity) &&
          (!rule || row.rule === rule) &&
          (!cluster || row.cluster === cluster) &&
          (!standing || row.standing === standing) &&
          words.every((word) => text[at].includes(word))
        )
          found.push(at);
      });
      list.replaceChildren();
      shown = 0;
      more();
    };

    let waiting;
    form.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(filter, 60);
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    byId("more").addEventListener("click", () => {
      const last = list.lastElementChild;
      more();
      last?.nextElementSibling?.querySelector("summary").focus();
    });
    form.hidden = false;
    filter();
  }

  // Whoever points at a box sees the whole way from there.
  for (const graph of document.querySelectorAll("svg.graph")) {
    const boxes = new Map([...graph.querySelectorAll("[data-box]")].map((one) => [one.dataset.box, one]));
    const lines = new Map([...graph.querySelectorAll("[data-of]")].map((one) => [one.dataset.of, one]));
    const show = (start) => {
      graph.classList.toggle("pointed", Boolean(start));
      for (const one of graph.querySelectorAll(".on")) one.classList.remove("on");
      for (let at = start; at; at = boxes.get(at.dataset.next)) {
        at.classList.add("on");
        lines.get(at.dataset.box)?.classList.add("on");
      }
    };
    for (const box of boxes.values()) {
      box.addEventListener("pointerenter", () => show(box));
      box.addEventListener("pointerleave", () => show());
      box.addEventListener("focus", () => show(box));
      box.addEventListener("blur", () => show());
      box.addEventListener("click", () => {
        const words = document.querySelector(`[id="${CSS.escape(box.getAttribute("href")?.slice(1) || "")}"]`);
        if (words) words.open = true;
      });
    }
  }

  // On paper nothing can be opened.
  addEventListener("beforeprint", () => {
    for (const one of document.querySelectorAll(".words details")) one.open = true;
  });
})();
