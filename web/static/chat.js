// The chat page: shows the talk that the server keeps, and sends what the person types or presses.
//
// Old phones run this (ES2018, XMLHttpRequest). Text is only ever put into the page as text, never as markup.
(function () {
  'use strict';

  var body = document.body;
  var words = body.dataset;
  var log = byId('log');
  var box = byId('text');
  var notice = byId('notice');
  var again = byId('again');

  var POST_MS = 30000;
  var FILE_MS = 180000; // a photograph on a slow line
  var MOST_BYTES = Number(words.mostBytes);
  var POLL_MS = 40000; // the server answers after 25 seconds when there is nothing to tell
  var LONGEST_PAUSE_MS = 30000;
  var LONGEST_WAIT_MS = 90000;
  var KNOWN = 20; // messages named to the server in each poll: one sent late may stand before them
  var DRAFT = 'union.draft';
  var OUTBOX = 'union.outbox';
  var RELOADED = 'union.reloaded';
  var FORGOTTEN = 'union.forgotten';

  var shown = new Map(); // message id → its element, in the order of the talk
  var sending = null; // what is on its way: {id, text, action}
  var next = null; // what was pressed or typed meanwhile
  var files = []; // what was chosen and is not on its way yet: {id, text, file}
  var polling = false;
  var failures = 0;
  var pollTimer = 0;
  var waitTimer = 0;
  var ended = false;
  var locked = false; // others use this phone too, and the talk waits for its PIN

  function byId(id) { return document.getElementById(id); }

  function make(tag, className, text) {
    var node = document.createElement(tag);
    if (className) node.className = className;
    if (text) node.textContent = text;
    return node;
  }

  // --- what this tab remembers: it may be forbidden, and the page works without ---

  function recall(key) {
    try { return sessionStorage.getItem(key) || ''; } catch (_) { return ''; }
  }

  function keep(key, value) {
    try {
      if (value) sessionStorage.setItem(key, value); else sessionStorage.removeItem(key);
    } catch (_) { /* not allowed here */ }
  }

  function newId() {
    var numbers = new Uint8Array(16);
    crypto.getRandomValues(numbers);
    return Array.from(numbers, function (n) { return ('0' + n.toString(16)).slice(-2); }).join('');
  }

  // --- asking the server ---

  // Calls done(status, answer); status 0 when there was no answer at all. A file goes as it is, without its name.
  function ask(method, address, posted, timeout, done) {
    var isFile = posted instanceof Blob;
    var request = new XMLHttpRequest();
    request.open(method, address);
    request.timeout = timeout;
    request.setRequestHeader('Accept', 'application/json');
    if (method === 'POST') {
      request.setRequestHeader('Content-Type', isFile ? posted.type || 'application/octet-stream' : 'application/json');
      request.setRequestHeader('X-CSRF-Token', words.csrf);
    }
    request.onloadend = function () {
      var answer = null;
      try { answer = JSON.parse(request.responseText); } catch (_) { /* a proxy's own page */ }
      if (request.status === 401 || request.status === 403) return endSession(answer);
      done(request.status, answer);
    };
    request.send(isFile ? posted : posted ? JSON.stringify(posted) : null);
  }

  // Another tab erased or began the talk: start afresh, with what was typed; by itself only once a minute.
  function endSession(answer) {
    if (ended) return;
    ended = true;
    var isRecent = Date.now() - Number(recall(RELOADED)) < 60000;
    keep(RELOADED, String(Date.now()));
    if (!isRecent && recall(RELOADED)) { // where nothing can be kept, cookies are off too: reloading would never end
      location.reload();
      return;
    }
    finishSending(false);
    say((answer && answer.problem) || words.sessionEnded, words.reload, function () { location.reload(); });
  }

  // --- drawing ---

  function drawSpan(parent, span) {
    var node = document.createTextNode(span.text);
    if (span.link && /^https?:\/\//.test(span.link)) {
      var link = make('a');
      link.href = span.link;
      link.target = '_blank';
      link.rel = 'noopener noreferrer';
      link.appendChild(node);
      node = link;
    }
    if (span.bold) {
      var bold = make('strong');
      bold.appendChild(node);
      node = bold;
    }
    parent.appendChild(node);
  }

  function splitLines(spans) {
    var lines = [[]];
    spans.forEach(function (span) {
      span.text.split('\n').forEach(function (piece, number) {
        if (number) lines.push([]);
        if (piece) lines[lines.length - 1].push({ text: piece, bold: span.bold, link: span.link });
      });
    });
    return lines;
  }

  // Lines become paragraphs and lists, so that a screen reader can step through them.
  function drawText(parent, spans) {
    var paragraph = null;
    var list = null;
    splitLines(spans).forEach(function (line) {
      var first = line[0];
      if (!first) {
        paragraph = list = null;
      } else if (first.text.slice(0, 2) === '\u2022 ') {
        if (!list) list = parent.appendChild(make('ul'));
        paragraph = null;
        var item = list.appendChild(make('li'));
        first.text = first.text.slice(2);
        line.forEach(function (span) { drawSpan(item, span); });
      } else {
        if (paragraph) paragraph.appendChild(make('br')); else paragraph = parent.appendChild(make('p'));
        list = null;
        line.forEach(function (span) { drawSpan(paragraph, span); });
      }
    });
  }

  function drawButton(button) {
    if (button.url) {
      var link = make('a', 'choice', button.label);
      link.href = /^https?:\/\//.test(button.url) ? button.url : '#';
      link.target = '_blank';
      link.rel = 'noopener noreferrer';
      return link;
    }
    var node = make('button', 'choice', button.label);
    node.type = 'button';
    node.addEventListener('click', function () { send({ id: newId(), text: button.label, action: button.action }); });
    return node;
  }

  function drawFile(file) {
    var link = make('a', 'file');
    link.href = file.url;
    if (file.is_picture) {
      var picture = link.appendChild(make('img'));
      picture.src = file.url;
      picture.alt = file.name;
      link.target = '_blank';
      link.rel = 'noopener';
    } else {
      link.textContent = file.name;
      link.download = file.name;
    }
    return link;
  }

  function drawMessage(message) {
    var node = make('div', message.own ? 'message own' : 'message');
    var bubble = node.appendChild(make('div', 'bubble'));
    bubble.appendChild(make('span', 'aside', (message.own ? words.you : words.bot) + ' '));
    if (message.own) {
      message.spans.forEach(function (span) { drawSpan(bubble, { text: span.text }); });
    } else {
      drawText(bubble, message.spans);
    }
    (message.files || []).forEach(function (file) { bubble.appendChild(drawFile(file)); });
    var buttons = message.buttons || [];
    if (buttons.length) {
      var group = node.appendChild(make('div', 'choices'));
      group.setAttribute('role', 'group');
      group.setAttribute('aria-label', words.choices);
      buttons.forEach(function (button) { group.appendChild(drawButton(button)); });
    }
    node.at = new Date(message.at);
    return node;
  }

  // Puts messages that are not shown yet at their place; the given ones stand in the order of the talk.
  function show(messages) {
    var added = [];
    var before = null;
    messages.forEach(function (message) {
      var node = shown.get(message.id);
      if (!node) {
        node = drawMessage(message);
        log.insertBefore(node, before ? before.nextSibling : log.firstChild);
        shown.set(message.id, node);
        added.push(node);
      }
      before = node;
    });
    if (added.length) markDays();
    return added;
  }

  // Messages that just came belong below everything.
  function append(messages) {
    var added = [];
    messages.forEach(function (message) {
      if (shown.has(message.id)) return;
      var node = log.appendChild(drawMessage(message));
      shown.set(message.id, node);
      added.push(node);
    });
    if (added.length) markDays();
    return added;
  }

  // A date stands above the first message of each day, unless all were said today.
  function markDays() {
    var last = new Date().toLocaleDateString('vi-VN');
    Array.from(log.children).forEach(function (node) {
      var day = node.at.toLocaleDateString('vi-VN');
      if (day === last) node.removeAttribute('data-day'); else node.setAttribute('data-day', day);
      last = day;
    });
  }

  function isAtEnd() {
    var page = document.documentElement;
    return page.scrollHeight - window.scrollY - window.innerHeight < 160;
  }

  // The whole answer if it fits, else its beginning.
  function reveal(nodes) {
    if (!nodes.length) return;
    var first = nodes[0];
    var question = first.previousElementSibling;
    if (question && question.classList.contains('own')) first = question;
    var height = document.querySelector('main').getBoundingClientRect().bottom - first.getBoundingClientRect().top;
    var room = window.innerHeight - byId('form').offsetHeight - document.querySelector('header').offsetHeight;
    if (height > room) first.scrollIntoView(); else window.scrollTo(0, document.documentElement.scrollHeight);
  }

  function setWorking(isWorking, what) {
    var place = byId('working');
    clearTimeout(waitTimer);
    if (!isWorking) {
      place.textContent = '';
    } else {
      if (place.textContent !== (what || words.working)) {
        place.textContent = '';
        place.appendChild(make('span', '', what || words.working));
      }
      waitTimer = setTimeout(function () { setWorking(false); }, LONGEST_WAIT_MS);
    }
  }

  function say(text, label, action) {
    byId('notice-text').textContent = text;
    again.textContent = label;
    again.onclick = action;
    notice.hidden = false;
  }

  function hush() {
    if (document.activeElement === again) box.focus();
    notice.hidden = true;
    byId('notice-text').textContent = '';
  }

  // --- sending ---

  // Words stay in the box until the server has them; a repeat carries the same id, so nothing happens twice.
  function send(post) {
    if (ended) return;
    if (sending) {
      if (post.action ? post.action !== sending.action : sending.action || sending.isStart || sending.file) next = post;
      return;
    }
    sending = post;
    hush();
    setWorking(true);
    if (!post.isStart) keep(OUTBOX, JSON.stringify(post));
    box.readOnly = !post.action && !post.isStart;
    var own = [];
    if (!post.isStart) {
      own = append([{ id: post.id, own: true, spans: [{ text: post.text }], at: new Date().toISOString() }]);
      own.forEach(function (node) { node.classList.add('sending'); });
      window.scrollTo(0, document.documentElement.scrollHeight);
    }
    var posted = { id: post.id, text: post.text, after: lastId() };
    if (post.action) posted.action = post.action;
    ask('POST', '/api/messages', posted, POST_MS, function (status, answer) {
      if ((status === 200 || status === 201) && answer) return confirmSent(post, answer);
      own.forEach(function (node) { node.remove(); });
      if (own.length) shown.delete(post.id);
      next = null;
      finishSending(false);
      var isRefused = status === 400 || status === 413; // repeating it would not help
      var reason = (answer && answer.problem) || (status ? words.notSent : words.notConnected);
      if (isRefused) keep(OUTBOX, '');
      say(reason, words.retry, function () { if (isRefused) submit(); else send(retryOf(post)); });
    });
  }

  // The text may have been changed since: then it is a new message.
  function retryOf(post) {
    var text = box.value.trim();
    if (post.action || post.isStart || !text || text === post.text) return post;
    return { id: newId(), text: text };
  }

  function confirmSent(post, answer) {
    if (answer.csrf) words.csrf = answer.csrf; // the server renewed the session at sign-in
    if (!post.action && !post.isStart && box.value.trim() === post.text) setText('');
    keep(OUTBOX, '');
    keep(RELOADED, '');
    var own = shown.get(post.id);
    if (own) own.classList.remove('sending');
    finishSending(answer.waiting);
    takeFiles(answer.takes_files);
    reveal(append(answer.messages));
    if (Boolean(answer.locked) === locked) reconnect(); else load();
    sendNext();
  }

  function sendNext() {
    if (next) {
      var following = next;
      next = null;
      send(following);
    } else if (files.length) {
      sendFile(files.shift());
    }
  }

  // --- files: only while the talk waits for one ---

  function takeFiles(isWanted) {
    byId('attach').hidden = !isWanted;
    if (!isWanted && document.activeElement === document.body) box.focus();
  }

  function chooseFiles(chosen) {
    Array.from(chosen).forEach(function (file) {
      if (file.size > MOST_BYTES) say(words.fileTooLarge, words.understood, hush);
      else files.push({ id: newId(), text: words.sentFile, file: file });
    });
    if (!sending && files.length) sendFile(files.shift());
  }

  // A repeat carries the same id, so nothing is stored twice. A refused file is not tried again by itself.
  function sendFile(post) {
    if (ended) return;
    if (sending) {
      files.unshift(post);
      return;
    }
    sending = post;
    setWorking(true, words.sendingFile);
    var own = append([{ id: post.id, own: true, spans: [{ text: post.text }], at: new Date().toISOString() }]);
    own.forEach(function (node) { node.classList.add('sending'); });
    window.scrollTo(0, document.documentElement.scrollHeight);
    ask('POST', '/api/files?id=' + post.id + '&after=' + lastId(), post.file, FILE_MS, function (status, answer) {
      if (status === 200 && answer) return confirmSent(post, answer);
      own.forEach(function (node) { node.remove(); });
      if (own.length) shown.delete(post.id);
      finishSending(false);
      var isRefused = status >= 400 && status < 500;
      var reason = (answer && answer.problem) || words.fileNotConnected;
      if (isRefused) say(reason, words.understood, function () { hush(); load(); sendNext(); });
      else say(reason, words.retry, function () { hush(); sendFile(post); });
    });
  }

  function finishSending(isWaiting) {
    sending = null;
    box.readOnly = false;
    setWorking(Boolean(isWaiting));
  }

  function submit() {
    var text = box.value.trim();
    if (!text) {
      box.focus();
      return;
    }
    var id = newId();
    try { // the same words as before a reload: perhaps they did arrive
      var before = JSON.parse(recall(OUTBOX));
      if (before.text === text && !before.action) id = before.id;
    } catch (_) { /* nothing was on its way */ }
    send({ id: id, text: text });
  }

  function setText(text) {
    box.value = text;
    keep(DRAFT, text);
    fitBox();
  }

  function fitBox() {
    box.style.height = 'auto';
    if (box.value) box.style.height = (box.scrollHeight + 2) + 'px';
  }

  // --- hearing ---

  function numbers() {
    return Array.from(shown.keys()).filter(function (id) { return typeof id === 'number'; }).sort(function (a, b) { return a - b; });
  }

  function lastId() {
    return numbers().pop() || 0;
  }

  function poll() {
    if (polling || ended || document.hidden) return;
    polling = true;
    var known = numbers().slice(-KNOWN);
    var after = known.length === KNOWN ? known.shift() : 0;
    ask('GET', '/api/messages?wait=1&after=' + after + '&known=' + known.join(','), null, POLL_MS, function (status, answer) {
      polling = false;
      if (status !== 200 || !answer) return backOff();
      setConnected(true);
      if ((answer.messages.length || Boolean(answer.locked) !== locked) && !sending) return load();
      pollTimer = setTimeout(poll, sending ? 300 : 0);
    });
  }

  function backOff() {
    failures += 1;
    setConnected(false);
    var pause = Math.min(LONGEST_PAUSE_MS, 500 * Math.pow(2, failures));
    clearTimeout(pollTimer);
    pollTimer = setTimeout(load, pause * (0.8 + Math.random() * 0.4));
  }

  function setConnected(isConnected) {
    if (isConnected) failures = 0;
    var text = isConnected || failures < 2 && navigator.onLine !== false ? '' : words.offline;
    var place = byId('connection');
    if (place.textContent !== text) place.textContent = text;
  }

  function reconnect() {
    clearTimeout(pollTimer);
    setConnected(true);
    poll();
  }

  // Fetches the whole talk: on opening, after a pause, and when something came that this tab did not ask for.
  function load() {
    clearTimeout(pollTimer);
    if (ended || document.hidden && log.hasAttribute('data-open')) return;
    ask('GET', '/api/messages', null, POST_MS, function (status, answer) {
      if (status !== 200 || !answer) return backOff();
      if (Boolean(answer.locked) !== locked) close(Boolean(answer.locked));
      var wasAtEnd = isAtEnd();
      var added = show(answer.messages);
      if (added.length && !sending) setWorking(answer.waiting);
      if (!sending) takeFiles(answer.takes_files);
      if (!log.hasAttribute('data-open')) open(answer);
      else if (wasAtEnd) reveal(added);
      reconnect();
    });
  }

  // Locked, or open again: the page begins anew with what it was given now.
  function close(isLocked) {
    locked = isLocked;
    shown.clear();
    log.textContent = '';
    log.removeAttribute('data-open');
    log.removeAttribute('aria-live');
  }

  function open(answer) {
    log.setAttribute('data-open', '');
    setWorking(answer.waiting);
    takeFiles(answer.takes_files);
    window.scrollTo(0, document.documentElement.scrollHeight);
    log.setAttribute('aria-live', 'polite'); // only now, so that an old talk is not read out from its beginning
    dropDelivered();
    if (!answer.messages.length && !answer.waiting) start();
    enterByLink();
  }

  // A sign-in link carries its one-time code, and a member card its QR's text, behind the #: browsers never send that to
  // a server by themselves.
  function enterByLink() {
    var found = /^#(vao|the)=([\w.-]{8,130})$/.exec(location.hash);
    if (!found) return;
    history.replaceState(null, '', location.pathname);
    send({ id: newId(), text: '/' + found[1] + ' ' + found[2], action: '' });
  }

  // What was on its way when the page was left: if it did arrive, it must not stand in the box as well.
  function dropDelivered() {
    try {
      var before = JSON.parse(recall(OUTBOX));
      if (!shown.has(before.id)) return;
      keep(OUTBOX, '');
      if (!before.action && box.value.trim() === before.text) setText('');
    } catch (_) { /* nothing was on its way */ }
  }

  // The greeting of an empty talk; two tabs that open at once say the same, and are greeted once.
  function start() {
    var day = new Date().toISOString().slice(0, 10);
    send({ id: 'start-' + words.csrf.slice(0, 40) + '-' + day, text: '/start', isStart: true });
  }

  // --- forgetting ---

  function askToForget(isOpen) {
    byId('confirm').hidden = !isOpen;
    byId('forget').setAttribute('aria-expanded', String(isOpen));
    byId(isOpen ? 'forget-no' : 'forget').focus();
  }

  function forget() {
    ask('POST', '/api/forget', {}, POST_MS, function (status) {
      if (status !== 200) {
        askToForget(false);
        return say(words.notForgotten, words.retry, function () { hush(); forget(); });
      }
      try { localStorage.setItem(FORGOTTEN, String(Date.now())); } catch (_) { /* other tabs notice later */ }
      startAfresh();
    });
  }

  function startAfresh() {
    ended = true;
    [DRAFT, OUTBOX, RELOADED].forEach(function (key) { keep(key, ''); });
    box.value = '';
    log.textContent = '';
    location.reload();
  }

  // --- what the person does ---

  byId('form').addEventListener('submit', function (event) {
    event.preventDefault();
    submit();
  });

  box.addEventListener('keydown', function (event) {
    if (event.key !== 'Enter' || event.shiftKey) return;
    if (event.isComposing || event.keyCode === 229) return; // Enter ends the word being composed
    event.preventDefault();
    submit();
  });

  box.addEventListener('input', function () {
    keep(DRAFT, box.value);
    fitBox();
  });

  byId('file').addEventListener('change', function (event) {
    chooseFiles(event.target.files);
    event.target.value = ''; // the same file may be chosen again
  });

  byId('forget').addEventListener('click', function () { askToForget(byId('confirm').hidden); });
  byId('forget-no').addEventListener('click', function () { askToForget(false); });
  byId('forget-yes').addEventListener('click', forget);
  byId('confirm').addEventListener('keydown', function (event) {
    if (event.key === 'Escape') askToForget(false);
  });

  window.addEventListener('resize', fitBox);
  window.addEventListener('online', load);
  window.addEventListener('offline', function () { setConnected(false); });
  window.addEventListener('storage', function (event) {
    if (event.key === FORGOTTEN) startAfresh();
  });
  document.addEventListener('visibilitychange', function () { if (!document.hidden) load(); });

  function linkHotline() {
    var place = document.querySelector('.hotline');
    var found = /\+?\d[\d .()-]{1,18}\d/.exec(place.textContent);
    if (!found) return;
    var text = place.textContent;
    var link = make('a', '', found[0]);
    link.href = 'tel:' + found[0].replace(/[^\d+]/g, '');
    place.textContent = text.slice(0, found.index);
    place.appendChild(link);
    place.appendChild(document.createTextNode(text.slice(found.index + found[0].length)));
  }

  linkHotline();
  setText(recall(DRAFT));
  load();
  if (window.matchMedia('(hover: hover)').matches) box.focus(); // a phone's keyboard would cover the greeting
}());
