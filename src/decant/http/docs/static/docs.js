// What the documentation page does beyond reading: search as you type, try an operation, copy.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);
  const search = byId("search"), token = byId("token"), found = byId("found"), nothing = byId("nothing");

  for (const element of all("[data-script], [data-copy], .search kbd")) element.hidden = false;

  // Search: entries and their links share their words.
  const filter = () => {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const element of all("[data-words]")) {
      element.hidden = !wanted.every((word) => element.dataset.words.includes(word));
      if (!element.hidden && element.tagName === "ARTICLE") count += 1;
    }
    for (const group of all("[data-group]")) group.hidden = !group.querySelector("[data-words]:not([hidden])");
    found.textContent = wanted.length ? `${count} ${count === 1 ? "operation" : "operations"} found` : "";
    nothing.hidden = count > 0;
  };
  search.addEventListener("input", filter);
  search.form.addEventListener("submit", (event) => {
    event.preventDefault();
    const first = document.querySelector("nav [data-words]:not([hidden]) a");
    if (first) location.hash = first.hash;
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape" && event.target === search) {
      search.value = "";
      filter();
    }
  });

  // The entry that is being read is marked in the contents.
  const links = new Map(all("nav li a").map((link) => [decodeURIComponent(link.hash.slice(1)), link]));
  let current = null;
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const link = links.get(entry.target.id);
      if (!entry.isIntersecting || !link || link === current) continue;
      if (current) current.removeAttribute("aria-current");
      link.setAttribute("aria-current", "true");
      current = link;
      const nav = byId("contents"), box = link.getBoundingClientRect(), frame = nav.getBoundingClientRect();
      if (box.top < frame.top || box.bottom > frame.bottom) nav.scrollTop += box.top - frame.top - frame.height / 3;
    }
  }, { rootMargin: "-20% 0px -70% 0px" });
  for (const article of all("article")) watch.observe(article);

  // The token lives in this tab only.
  token.value = sessionStorage.getItem("decant-token") || "";
  token.form.addEventListener("submit", (event) => event.preventDefault());
  token.addEventListener("input", () => sessionStorage.setItem("decant-token", token.value));

  // Copy.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.closest("figure").querySelector("code").textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(button.closest("figure").querySelector("code"));
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });

  // Try it.
  const root = location.origin + new URL(document.querySelector(".facts code").textContent).pathname.replace(/\/$/, "");
  const quote = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\"'\"'")}'`);

  const requestOf = (form) => {
    const headers = {}, query = [];
    let path = form.dataset.path;
    for (const field of all("[data-place]", form)) {
      const { name, value } = field, place = field.dataset.place;
      if (place === "path") path = path.replace(`{${name}}`, encodeURIComponent(value));
      else if (value && place === "query") query.push(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
      else if (value && place === "header") headers[name] = value;
    }
    const body = form.querySelector("[data-body]");
    if (body && body.value.trim()) headers["Content-Type"] = body.dataset.body;
    return { method: form.dataset.method, url: root + path + (query.length ? `?${query.join("&")}` : ""), headers,
      body: body && body.value.trim() ? body.value : undefined };
  };

  const curlOf = (form) => {
    const { method, url, headers, body } = requestOf(form);
    const lines = [`curl ${method === "GET" ? "" : `-X ${method} `}${quote(url)}`];
    if (form.dataset.secured || token.value) lines.push('-H "Authorization: Bearer $TOKEN"');
    for (const [name, value] of Object.entries(headers)) lines.push(`-H ${quote(`${name}: ${value}`)}`);
    if (body !== undefined) lines.push(`-d ${quote(body)}`);
    return lines.join(" \\\n  ");
  };

  const make = (tag, className, text = "") => {
    const element = document.createElement(tag);
    element.className = className;
    element.textContent = text;
    return element;
  };

  const coloured = (text) => {
    const code = document.createElement("code");
    const token = /("(?:[^"\\]|\\.)*")(?=:)|("(?:[^"\\]|\\.)*")|(-?\b\d[\d.eE+-]*)|(\b(?:true|false|null)\b)/g;
    let end = 0;
    for (const match of text.matchAll(token)) {
      const kind = ["key", "string", "number", "word"][match.slice(1).findIndex(Boolean)];
      code.append(text.slice(end, match.index), make("span", `j-${kind}`, match[0]));
      end = match.index + match[0].length;
    }
    code.append(text.slice(end));
    return code;
  };

  const show = async (result, response, milliseconds) => {
    const line = make("p", `line ${response.ok ? "" : "error"}`);
    line.append(make("span", "status", String(response.status)), make("span", "", response.statusText), make("span", "took", `${milliseconds} ms`));
    const headers = document.createElement("details");
    headers.append(make("summary", "", "Headers"), make("pre", "", [...response.headers].map((pair) => pair.join(": ")).join("\n")));
    result.replaceChildren(line, headers);
    const text = await response.text();
    if (!text) return;
    const body = make("pre", "");
    body.tabIndex = 0;
    if (/json/.test(response.headers.get("Content-Type") || "")) {
      try { body.append(coloured(JSON.stringify(JSON.parse(text), null, 2))); } catch { body.textContent = text; }
    } else body.textContent = text;
    result.append(body);
  };

  const send = async (form) => {
    const result = form.nextElementSibling, button = form.querySelector("button");
    const { method, url, headers, body } = requestOf(form);
    if (token.value) headers.Authorization = `Bearer ${token.value}`;
    button.disabled = true;
    const began = performance.now();
    try {
      const response = await fetch(url, { method, headers, body, credentials: "same-origin" });
      await show(result, response, Math.round(performance.now() - began));
    } catch (error) {
      result.replaceChildren(make("p", "failed", `No answer: ${error.message}. Is the service running?`));
    } finally {
      button.disabled = false;
    }
  };

  for (const form of all("[data-try]")) {
    const curl = form.closest(".samples").querySelector(".sample code");
    form.addEventListener("input", () => { curl.textContent = curlOf(form); });
    form.addEventListener("submit", (event) => { event.preventDefault(); send(form); });
  }

  if (search.value) filter();
})();
