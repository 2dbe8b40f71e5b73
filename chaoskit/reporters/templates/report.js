'use strict';
// What a page without scripts cannot do: filtering, and drawings that answer to pointer and keyboard.
// Everything it adds is made as nodes and text, never as markup, so no text of others can become code.
(() => {
  const SVG = 'http://www.w3.org/2000/svg';

  function make(name, attributes, text) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
    if (text) node.textContent = text;
    return node;
  }

  function shape(name, attributes) {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  }

  function button(text, press) {
    const node = make('button', { type: 'button' }, text);
    node.addEventListener('click', press);
    return node;
  }

  // ---- the table of experiments: by words, and by result

  function filters() {
    const table = document.getElementById('table');
    if (!table || table.tBodies[0].rows.length < 2) return;
    const rows = Array.from(table.tBodies[0].rows);
    const words = rows.map(row => row.textContent.toLowerCase());
    const bar = make('div', { class: 'filter', role: 'search', 'aria-label': 'Experiments' });
    const label = make('label', {}, 'Filter ');
    const box = make('input', { type: 'search', autocomplete: 'off', spellcheck: 'false' });
    const said = make('span', { role: 'status', class: 'hint' });
    const results = new Set();
    label.append(box);
    bar.append(label);

    function apply() {
      const wanted = box.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, i) => {
        const good = (!results.size || results.has(row.dataset.result)) &&
          wanted.every(word => words[i].includes(word));
        row.hidden = !good;
        const section = document.getElementById(row.dataset.experiment);
        if (section) section.hidden = !good;
        shown += good;
      });
      said.textContent = shown === rows.length ? '' : `${shown} of ${rows.length} experiments`;
    }

    for (const result of new Set(rows.map(row => row.dataset.result))) {
      const one = button(result, () => {
        const on = one.getAttribute('aria-pressed') !== 'true';
        one.setAttribute('aria-pressed', on);
        results[on ? 'add' : 'delete'](result);
        apply();
      });
      one.setAttribute('aria-pressed', 'false');
      bar.append(one);
    }
    box.addEventListener('input', apply);
    box.addEventListener('keydown', event => {
      if (event.key === 'Escape') { box.value = ''; apply(); }
    });
    bar.append(said);
    table.closest('.scroll').before(bar);

    clear = () => {
      box.value = '';
      results.clear();
      bar.querySelectorAll('[aria-pressed]').forEach(one => one.setAttribute('aria-pressed', 'false'));
      apply();
    };
  }

  // A link to what is filtered out or folded shows it.

  let clear = () => {};

  function reveal() {
    const target = document.getElementById(location.hash.slice(1));
    if (!target) return;
    if (target.closest('[hidden]')) clear();
    for (let at = target; at; at = at.parentElement) if (at.tagName === 'DETAILS') at.open = true;
    target.scrollIntoView();
  }

  // ---- all details at once

  function folds() {
    const all = Array.from(document.querySelectorAll('details.trial'));
    if (all.length < 2) return;
    const toggle = button('Open every trial', () => {
      const open = all.some(one => !one.open);
      all.forEach(one => { one.open = open; });
      toggle.textContent = open ? 'Close every trial' : 'Open every trial';
    });
    const bar = document.querySelector('.filter') || make('div', { class: 'filter' });
    bar.append(toggle);
    if (!bar.isConnected) document.getElementById('table').closest('.scroll').before(bar);
  }

  // ---- what can be copied

  function copies() {
    document.querySelectorAll('[data-copy]').forEach(block => {
      const source = block.querySelector('pre');
      const said = make('span', { role: 'status', class: 'hint' });
      const one = button(block.dataset.copy, async () => {
        try {
          await navigator.clipboard.writeText(source.textContent);
          said.textContent = ' copied';
        } catch (_) {
          getSelection().selectAllChildren(source);
          said.textContent = ' selected: copy it with the keyboard';
        }
      });
      block.append(one, said);
    });
  }

  // ---- drawings over time: a cursor, a readout, and zoom

  const GAP = 7; // pixels between a mark and its words, about
  const SPAN = 1e-3; // seconds; closer is not measured

  class Drawing {
    constructor(box, svg) {
      const [low, high, start, end] = svg.dataset.axis.split(' ').map(Number);
      Object.assign(this, { box, svg, low, high, start, end, from: low, to: high, at: null });
      this.height = svg.viewBox.baseVal.height;
      this.asks = this.rows();
      this.said = make('p', { class: 'readout', 'aria-live': 'off' });
      box.after(this.said);
      box.setAttribute('aria-description', 'Left and right move the cursor, plus and minus zoom, Escape shows all.');
      box.addEventListener('keydown', event => this.key(event));
      box.addEventListener('pointermove', event => this.move(event));
      box.addEventListener('pointerleave', () => { if (!this.dragged) this.cursor(null); });
      box.addEventListener('pointerdown', event => this.press(event));
      addEventListener('pointerup', event => this.release(event));
      box.addEventListener('dblclick', () => this.zoom(low, high));
    }

    // The table of asks of the same trial says what the cursor is on.
    rows() {
      const trial = this.box.closest('details.trial');
      const table = trial && trial.querySelector('table.asks');
      if (!table) return [];
      return Array.from(table.tBodies[0].rows, row => {
        const cells = Array.from(row.cells, cell => cell.textContent);
        return { at: Number(cells[0].replace('−', '-').replace(/[^\d.-]/g, '')), cells };
      });
    }

    x(seconds) { return this.start + (seconds - this.from) / (this.to - this.from) * (this.end - this.start); }

    seconds(event) {
      const box = this.svg.getBoundingClientRect();
      const x = (event.clientX - box.left) * this.svg.viewBox.baseVal.width / box.width;
      const share = (x - this.start) / (this.end - this.start);
      return share < 0 || share > 1 ? null : this.from + share * (this.to - this.from);
    }

    move(event) {
      this.said.setAttribute('aria-live', 'off'); // a pointer would make it chatter
      const at = this.seconds(event);
      this.cursor(at);
      if (this.dragged && at !== null) this.shade(this.dragged.at, at);
    }

    press(event) {
      const at = this.seconds(event);
      if (event.button || at === null) return;
      this.dragged = { at };
    }

    release(event) {
      if (!this.dragged) return;
      const begun = this.dragged.at;
      const at = this.seconds(event);
      this.dragged = null;
      this.shade(0, 0);
      if (at !== null && Math.abs(this.x(at) - this.x(begun)) > 6) this.zoom(Math.min(at, begun), Math.max(at, begun));
    }

    shade(one, other) {
      if (!this.band) {
        this.band = shape('rect', { class: 's-select', y: 0, height: this.height, 'fill-opacity': 0.15 });
        this.svg.append(this.band);
      }
      const [left, right] = [this.x(Math.min(one, other)), this.x(Math.max(one, other))];
      this.band.setAttribute('x', left);
      this.band.setAttribute('width', Math.max(right - left, 0));
    }

    cursor(at) {
      this.at = at;
      if (!this.line) {
        this.line = shape('line', { class: 's-cursor', y1: 0, y2: this.height });
        this.svg.append(this.line);
      }
      this.line.setAttribute('visibility', at === null ? 'hidden' : 'visible');
      if (at === null) { this.said.textContent = ''; return; }
      this.line.setAttribute('x1', this.x(at));
      this.line.setAttribute('x2', this.x(at));
      this.said.textContent = this.words(at);
    }

    words(at) {
      const time = `${at < 0 ? '−' : '+'}${Math.abs(at).toFixed(3)} s`;
      const row = this.asks.filter(one => one.at <= at).pop();
      if (!row) return time;
      const [, asked, failed, unknown, median, p99] = row.cells;
      const untold = unknown === '0' ? '' : `, ${unknown} unknown`;
      return `${time}: of ${asked} asks from ${row.cells[0]}, ${failed} failed${untold}; median ${median}, p99 ${p99}`;
    }

    key(event) {
      const width = this.to - this.from;
      const middle = this.at === null ? (this.from + this.to) / 2 : this.at;
      const step = width / (event.shiftKey ? 10 : 100);
      const does = {
        ArrowLeft: () => this.walk(middle - step),
        ArrowRight: () => this.walk(middle + step),
        Home: () => this.walk(this.from),
        End: () => this.walk(this.to),
        '+': () => this.around(middle, width / 2),
        '=': () => this.around(middle, width / 2),
        '-': () => this.around(middle, width * 2),
        Escape: () => { this.cursor(null); this.zoom(this.low, this.high); },
      }[event.key];
      if (!does || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.said.setAttribute('aria-live', 'polite');
      does();
    }

    walk(at) {
      at = Math.min(Math.max(at, this.low), this.high);
      const width = this.to - this.from;
      if (at < this.from) this.zoom(at, at + width);
      if (at > this.to) this.zoom(at - width, at);
      this.cursor(at);
    }

    around(middle, width) { this.zoom(middle - width / 2, middle + width / 2); }

    zoom(from, to) {
      const width = Math.min(Math.max(to - from, SPAN), this.high - this.low);
      from = Math.min(Math.max(from, this.low), this.high - width);
      this.from = from;
      this.to = from + width;
      if (!this.parts) this.parts = this.take();
      const scale = (this.high - this.low) / width;
      const cut = (from - this.low) / (this.high - this.low) * (this.end - this.start);
      const moved = x => this.start + (x - this.start - cut) * scale;
      const inside = x => x >= this.start - 1 && x <= this.end + 1;
      const shift = moved(0);
      for (const node of this.parts.shapes) node.setAttribute('transform', `matrix(${scale} 0 0 1 ${shift} 0)`);
      for (const { node, x, word } of this.parts.points) {
        const beside = !word ? 0 : node.getAttribute('text-anchor') === 'end' ? -GAP : GAP;
        node.setAttribute('transform', `translate(${moved(x - beside) + beside - x} 0)`);
        if (word) node.setAttribute('visibility', inside(moved(x)) ? 'visible' : 'hidden');
      }
      this.ticks();
      this.svg.toggleAttribute('data-zoomed', scale > 1.0001);
      if (this.at !== null) this.cursor(Math.min(Math.max(this.at, this.from), this.to));
    }

    // Shapes are stretched; marks and words only move, so that they keep their form.
    take() {
      const id = `clip-${Drawing.count = (Drawing.count || 0) + 1}`;
      const clip = shape('clipPath', { id });
      clip.append(shape('rect', { x: this.start, y: 0, width: this.end - this.start, height: this.height }));
      const held = shape('g', { 'clip-path': `url(#${id})` });
      const parts = { shapes: [], points: [] };
      const marks = '.s-healer, .s-healer-open, .s-fault, .s-engine';
      const axis = this.svg.querySelector('g.axis');
      const groups = new Set();
      for (const node of this.svg.querySelectorAll('rect, path, line, circle, text')) {
        if (axis.contains(node) || node.closest('g.key') || node === this.line || node === this.band) continue;
        const x = first(node);
        if (node.tagName === 'text') {
          if (x >= this.start && node.getAttribute('y') < this.height - 30) parts.points.push({ node, x, word: true });
          continue;
        }
        if (x < this.start - 1) continue;
        if (node.closest(marks) && !(node.tagName === 'rect' && node.getAttribute('width') !== '2')) {
          parts.points.push({ node, x, word: false });
        } else {
          parts.shapes.push(node);
          node.setAttribute('vector-effect', 'non-scaling-stroke');
        }
        groups.add(node.parentNode === this.svg ? node : node.parentNode);
      }
      const [lowest] = groups;
      if (lowest) {
        lowest.before(clip, held);
        held.append(...groups); // in their order; the words stay above them
      }
      return parts;
    }

    ticks() {
      const axis = this.svg.querySelector('g.axis');
      const [top, bottom] = axis.dataset.rows.split(' ').map(Number);
      const raw = (this.to - this.from) / 9;
      const power = 10 ** Math.floor(Math.log10(raw));
      const step = power * [1, 2, 5, 10].find(one => one * power >= raw * 0.999);
      const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
      axis.replaceChildren();
      for (let k = Math.ceil(this.from / step - 1e-9); k <= Math.floor(this.to / step + 1e-9); k += 1) {
        const at = k * step;
        const x = this.x(at);
        axis.append(shape('line', { class: 's-grid', x1: x, x2: x, y1: top, y2: bottom }));
        const label = shape('text', { class: 's-muted', x, y: bottom + 16, 'text-anchor': 'middle' });
        label.textContent = k === 0 ? '0' : `${at < 0 ? '−' : ''}${Math.abs(at).toFixed(digits)} s`;
        axis.append(label);
      }
    }
  }

  function first(node) {
    for (const name of ['x', 'x1', 'cx']) if (node.hasAttribute(name)) return Number(node.getAttribute(name));
    const found = /^M(-?[\d.]+)/.exec(node.getAttribute('d') || '');
    return found ? Number(found[1]) : 0;
  }

  // A drawing is taken over when somebody turns to it: a hundred of them cost nothing until then.
  function drawings() {
    for (const box of document.querySelectorAll('.drawing')) {
      const svg = box.querySelector('svg[data-axis]');
      if (!svg) continue;
      const begin = () => {
        if (!box.drawing) box.drawing = new Drawing(box, svg);
      };
      box.addEventListener('focus', begin, { once: true });
      box.addEventListener('pointerenter', begin, { once: true });
    }
  }

  addEventListener('hashchange', reveal);
  filters();
  if (location.hash) reveal();
  folds();
  copies();
  drawings();
})();
