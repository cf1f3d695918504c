// Draws every <figure data-chart="URL"> with uPlot from the JSON at its URL, and the same figures as a table.
// {"zone", "start": s, "end": s, "t": [s], "series": [{"label", "unit", "digits", "values": [number or null], "open": index}], "marks": [{"t", "label"}]}
"use strict";
(() => {
  const NARROW_PX = 480;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Map(); // figure -> its plot and data

  // A role of the style sheet as a colour that a canvas knows.
  function colourOf(element, role) {
    const probe = element.appendChild(document.createElement("span"));
    probe.className = role;
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  }

  function shown(value, series) {
    if (value === null || value === undefined) return "–";
    const { digits = 1, unit } = series;
    const number = Math.abs(value).toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    const sign = value < 0 && Number(value.toFixed(digits)) !== 0 ? "−" : "";
    return sign + withUnit(number, unit);
  }

  function withUnit(number, unit) {
    if (!unit) return number;
    return "£€$".includes(unit) ? unit + number : `${number} ${unit}`;
  }

  function openSeries(data) {
    return data.series.some((series) => Number.isInteger(series.open)) ? data.series : [];
  }

  function isOpen(series, index) {
    return series.open === index && Number.isInteger(index);
  }

  function clock(zone) {
    const day = new Intl.DateTimeFormat("en-GB", { timeZone: zone, weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
    return (seconds) => day.format(new Date(seconds * 1000));
  }

  function drawMarks(plot, data, colour) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour;
    ctx.setLineDash([4, 4]);
    for (const mark of data.marks || []) {
      const x = Math.round(plot.valToPos(mark.t, "x", true));
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }

  function readingAt(figure, data, index) {
    const place = figure.querySelector("[data-reading]");
    const last = data.t.findLastIndex((_, n) => data.series.some((series) => series.values[n] !== null));
    const at = index ?? last;
    if (last < 0) return void (place.textContent = "nothing measured in this time");
    const marks = (data.marks || []).filter((mark) => mark.t >= data.t[at] && mark.t < (data.t[at + 1] ?? Infinity));
    const values = data.series.map((series) => (data.series.length > 1 ? `${series.label} ` : "") + shown(series.values[at], series) + (isOpen(series, at) ? " so far" : ""));
    place.textContent = [clock(data.zone)(data.t[at]), ...values, ...marks.map((mark) => mark.label)].join(" · ");
  }

  function axis(colours, more) {
    return { stroke: colours.muted, grid: { stroke: colours.line, width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif", ...more };
  }

  function options(figure, data, width, height) {
    const colours = { muted: colourOf(figure, "muted"), line: colourOf(figure, "role-line"), surface: colourOf(figure, "role-surface") };
    const units = [...new Set(data.series.map((series) => series.unit))];
    const few = width < NARROW_PX;
    return {
      width, height, legend: { show: false },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), data.zone),
      padding: [8, 22, 0, 0],
      scales: { x: data.start ? { auto: false, min: data.start, max: data.end } : {}, ...Object.fromEntries(units.map((unit) => [unit, { range: (_, low, high) => uPlot.rangeNum(Math.min(low, data.from_zero === false ? low : 0), high, 0.08, true) }])) },
      axes: [
        axis(colours, { space: few ? 70 : 60, values: [[86400, "{DD} {MMM}", null, null, null, null, null, null, 1], [3600, "{HH}:{mm}", "\n{DD} {MMM}", null, "\n{DD} {MMM}", null, null, null, 1], [60, "{HH}:{mm}", "\n{DD} {MMM}", null, "\n{DD} {MMM}", null, null, null, 1]] }),
        ...units.slice(0, 2).map((unit, place) => axis(colours, { scale: unit, side: place ? 1 : 3, size: (_, texts) => 18 + 6.5 * Math.max(3, ...(texts || []).map((text) => text.length)), grid: place ? { show: false } : { stroke: colours.line, width: 1 }, values: (_, splits) => splits.map((value) => (value < 0 ? "−" : "") + withUnit(Math.abs(value).toLocaleString("en-GB", { maximumSignificantDigits: 6 }), unit)) })),
      ],
      series: [{}, ...data.series.map((series, place) => {
        const stroke = colourOf(figure, `series-${place + 1}`);
        const fill = place === 0 && data.series.length === 1 && data.from_zero !== false ? stroke.replace("rgb(", "rgba(").replace(")", ", 0.12)") : undefined;
        return { label: series.label, scale: series.unit, stroke, fill, width: 1.75, spanGaps: false, points: { show: false } };
      }), ...openSeries(data).map((series, place) => {
        const stroke = colourOf(figure, `series-${place + 1}`);
        return { scale: series.unit, stroke, width: 1.75, dash: [3, 4], points: { show: true, size: 7, width: 2, stroke, fill: colours.surface, filter: () => (Number.isInteger(series.open) ? [series.open] : []) } };
      })],
      cursor: { y: false, drag: { x: true, y: false }, points: { size: 7 } },
      hooks: {
        setCursor: [(plot) => readingAt(figure, data, plot.cursor.idx)],
        draw: [(plot) => drawMarks(plot, data, colours.muted)],
      },
    };
  }

  function lonePoints(data) {
    // A value between two gaps has no line: it is drawn as a point.
    return data.series.map(({ values }) => values.flatMap((value, index) =>
      value !== null && (values[index - 1] ?? null) === null && (values[index + 1] ?? null) === null ? [index] : []));
  }

  // What is not over yet is no part of the line: a hollow point at the end of a dashed one.
  function lines(data) {
    const closed = data.series.map((series) => series.values.map((value, index) => (isOpen(series, index) ? null : value)));
    const open = openSeries(data).map((series) => series.values.map((value, index) => (isOpen(series, index) || isOpen(series, index + 1) ? value : null)));
    return [...closed, ...open];
  }

  // The part of the time that somebody has chosen, null for all of it.
  function zoomOf({ plot, data }) {
    if (!plot) return null;
    const { min, max } = plot.scales.x;
    return min > (data.start ?? data.t[0]) || max < (data.end ?? data.t.at(-1)) ? { min, max } : null;
  }

  function draw(figure, data) {
    const place = figure.querySelector(".plot");
    const zoom = zoomOf(drawn.get(figure) || {});
    drawn.get(figure)?.plot?.destroy();
    const given = options(figure, data, place.clientWidth, place.clientHeight);
    lonePoints(data).forEach((alone, index) => {
      if (alone.length) given.series[index + 1].points = { show: true, size: 4, filter: () => alone };
    });
    const plot = data.t.length ? new uPlot(given, [data.t, ...lines(data)], place) : null;
    if (plot && zoom) plot.setScale("x", zoom);
    drawn.set(figure, { plot, data });
    sayNotice(figure, data);
    readingAt(figure, data, null);
    sayLegend(figure, data);
  }

  // Figures that are shown as they are stored while they are being computed; the page may say so itself.
  function sayNotice(figure, { notice = "" }) {
    const place = figure.querySelector("[data-notice]");
    if (!place) return;
    place.hidden = !notice;
    place.textContent = notice && `${notice[0].toUpperCase()}${notice.slice(1)}.`;
  }

  function sayLegend(figure, data) {
    const legend = figure.querySelector("[data-legend]");
    legend.hidden = data.series.length < 2;
    legend.replaceChildren(...data.series.map((series, place) => {
      const line = document.createElement("li");
      const swatch = line.appendChild(document.createElement("span"));
      swatch.className = `swatch series-${place + 1}`;
      line.append(series.label);
      return line;
    }));
  }

  // The cell's figure as a link to its explanation, where the chart says how its address begins.
  function explain(cell, seconds, { explained }) {
    const link = document.createElement("a");
    link.className = "explained";
    link.href = explained + new Date(seconds * 1000).toISOString().replace(/:00\.000Z$/, "Z");
    link.append(...cell.childNodes);
    cell.append(link);
  }

  function fillTable(figure, data) {
    const table = document.createElement("table");
    const heads = table.createTHead().insertRow();
    const say = (row, name, text, scope) => {
      const cell = row.appendChild(document.createElement(name));
      cell.textContent = text;
      if (scope) cell.scope = scope;
      if (name === "td" || (scope === "col" && row.children.length > 1)) cell.className = "num";
    };
    for (const title of ["Time", ...data.series.map((series) => series.label)]) say(heads, "th", title, "col");
    const body = table.createTBody();
    const when = clock(data.zone);
    data.t.forEach((seconds, index) => {
      const row = body.insertRow();
      say(row, "th", when(seconds), "row");
      for (const series of data.series) {
        say(row, "td", shown(series.values[index], series) + (isOpen(series, index) ? " so far" : ""));
        if (data.explained && series.values[index] !== null) explain(row.lastChild, seconds, data);
      }
    });
    const place = figure.querySelector("[data-table]");
    place.replaceChildren(table);
    htmx.process(table);
  }

  async function load(figure) {
    const url = figure.dataset.chart;
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      if (!answer.ok) {
        const { detail } = await answer.json().catch(() => ({}));
        throw new Error(detail || `the server answered with an error (${answer.status})`);
      }
      const data = await answer.json();
      if (figure.dataset.chart !== url || !figure.isConnected) return;
      draw(figure, data);
      if (figure.querySelector("details")?.open) fillTable(figure, data);
    } catch (error) {
      figure.querySelector("[data-reading]").textContent = `Not loaded: ${error.message}`;
    } finally {
      figure.removeAttribute("aria-busy");
    }
  }

  function start(root) {
    for (const figure of root.querySelectorAll("figure[data-chart]")) {
      if (drawn.has(figure)) continue;
      drawn.set(figure, {});
      load(figure);
      new ResizeObserver(() => {
        const { plot } = drawn.get(figure) || {};
        const place = figure.querySelector(".plot");
        if (plot && plot.width !== place.clientWidth) plot.setSize({ width: place.clientWidth, height: place.clientHeight });
      }).observe(figure.querySelector(".plot"));
      figure.querySelector("details")?.addEventListener("toggle", () => {
        const { data } = drawn.get(figure);
        if (data) fillTable(figure, data);
      });
    }
    for (const figure of drawn.keys()) if (!figure.isConnected) drawn.delete(figure);
  }

  dark.addEventListener("change", () => {
    for (const [figure, { data }] of drawn) if (data) draw(figure, data);
  });
  document.body.addEventListener("hmm:refresh", () => {
    for (const figure of drawn.keys()) if (figure.dataset.live !== undefined) load(figure);
  });
  document.body.addEventListener("htmx:afterSwap", ({ detail }) => start(detail.target));
  start(document);
})();
