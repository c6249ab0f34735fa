/** The text of the page and of Draw, in English and Chinese, and the format of numbers. */

let now = "en";

/** @returns {"en"|"zh"} the language of now */
export const language = () => now;

/** @param {"en"|"zh"} to */
export function setLanguage(to) {
  now = to;
}

/** Add the text of a view that is loaded later. @param {Object<string, string[]>} words */
export function addWords(words) {
  Object.assign(WORDS, words);
}

/**
 * Say something.
 *
 * @param {string} key of `WORDS`
 * @param {Object<string, string|number>} [values] for what stands in {braces}
 */
export function t(key, values = {}) {
  const pair = WORDS[key];
  if (!pair) throw new Error(`no words for ${key}`);
  return pair[now === "zh" ? 1 : 0].replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}

// What the server says that people at the page may meet; to programs it speaks English.
const SAID = [
  [/^There is no model (.+) here; .*$/, "这里没有模型 $1。"],
  [/^(.+) is empty; get it again\.$/, "$1 是空的，请重新获取。"],
  [/^(.+) is not a picture in one of the formats (.+) and (.+)\.$/, "$1 不是图片；能读的格式有 $2 和 $3。"],
  [/^(.+) has ([\d,]+) bytes; at most ([\d,]+) are read: make it smaller\.$/, "$1 有 $2 字节，最多读 $3 字节，请缩小。"],
  [/^(.+) has more than ([\d,]+) pixels; make it smaller\.$/, "$1 超过 $2 像素，请缩小。"],
  [/^(.+) has (\d+ x \d+) pixels; at most ([\d,]+) can be read: make it smaller\.$/, "$1 有 $2 像素，最多读 $3 像素，请缩小。"],
  [/^(.+) needs more memory than there is; make it smaller\.$/, "$1 需要的内存太多，请缩小。"],
  [/^(.+) is a damaged picture \((.*)\); get it again, or save it anew as PNG\.$/, "$1 已损坏（$2）；请重新获取，或另存为 PNG。"],
  [/^(.+) is a PDF; send its pages as images\.$/, "$1 是 PDF；请把各页存成图片再发送。"],
  [/^(.+) is (HEIC|AVIF), which .*$/, "$1 是 $2 格式，这台服务器不能解码；请存为 JPEG。"],
  [/^A request may have at most ([\d,]+) bytes; send less at once\.$/, "一次最多发送 $1 字节，请少发一些。"],
  [/^The server is busy; try again in a second\.$/, "同时请求太多，请稍等一秒再试。"],
  [/^Too much is being done already; come again in a second\.$/, "服务器正忙，请稍等一秒再试。"],
  [/^The corrections can't be read or written now; the server's log says why\.$/, "现在无法读写更正，原因见服务器日志。"],
  [/^(.+) is more than the (\d+) images, pages counted, that a request may .*$/, "$1 超过了一次最多 $2 张图片（按页数计算），请少发一些。"],
  [/^This took too long; give less at once\.$/, "用时太长，请一次少给一些。"],
  [/^(\d+) runs are watched already; try again in a minute\.$/, "已有 $1 个训练在进行，请稍后再试。"],
  [/^There is no such run any more; begin another\.$/, "这个训练已经不在了，请重新开始。"],
  [/^Something went wrong here; the server's log says what\.$/, "服务器出错了，原因见服务器日志。"],
];

/** A sentence of the server's in the language of now; one that nobody foresaw as it came. */
export function said(sentence) {
  const [pattern, words] = (now === "zh" && SAID.find(([of]) => of.test(sentence))) || [];
  return pattern ? sentence.replace(pattern, words) : sentence;
}

/** A whole number, in groups of three. */
export const count = (value) => value.toLocaleString("en-US");

/** A number with so many places. */
export const number = (value, places = 2) => minus(value.toFixed(places));

/** A number with its sign, the minus as long as the plus; what rounds to zero has none. */
export function signed(value, places = 2) {
  const text = value.toFixed(places);
  if (Number(text) === 0) return text.replace("-", "");
  return minus(value > 0 ? `+${text}` : text);
}

/** A share as a percentage that says neither never nor always where it is neither. */
export function percent(share, places = 1) {
  const least = 10 ** -places;
  if (share > 0 && share < least / 200) return `< ${least.toFixed(places)}%`;
  if (share < 1 && 1 - share <= least / 200) return `> ${(100 - least).toFixed(places)}%`;
  return `${(100 * share).toFixed(places)}%`;
}

/** How many times more: 1.4, 12, 3,400, 2 × 10⁹. */
export function times(value) {
  if (value < 10) return value.toFixed(1);
  if (value < 1e6) return count(Number(value.toPrecision(2)));
  return power(value);
}

/** A positive number of any size, with three digits. */
export function amount(value) {
  if (value === 0) return "0";
  if (value >= 1e6 || value < 1e-3) return power(value, 2);
  if (value >= 1000) return count(Math.round(value));
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** A day and time as people here write it. */
export function date(text) {
  const shown = new Date(text);
  if (Number.isNaN(shown.getTime())) return text;
  const locale = now === "zh" ? "zh-CN" : "en-GB";
  return shown.toLocaleString(locale, { dateStyle: "medium", timeStyle: "short" });
}

/** A model's name for people. @param {{name: string, kind: string, accuracy?: number}} model */
export function modelName(model, full = false) {
  const known = `model.${model.name}`;
  const name = known in WORDS ? t(known) : model.name;
  return full && model.accuracy ? `${name} · ${percent(model.accuracy, 2)}` : name;
}

const minus = (text) => text.replace("-", "\u2212");

function power(value, places = 0) {
  if (!Number.isFinite(value)) return "∞";
  const [digits, exponent] = value.toExponential(places).split("e");
  const high = [...exponent.replace("+", "")].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] ?? "⁻").join("");
  return `${digits} × 10${high}`;
}

const WORDS = {
  // The page
  skip: ["Skip to the content", "跳到正文"],
  views: ["Views", "页面"],
  "tab.draw": ["Draw", "写"],
  "tab.learn": ["Learn", "学"],
  "tab.look": ["Look", "看"],
  "tab.teach": ["Teach", "教"],
  "theme.light": ["Light theme", "浅色主题"],
  "theme.dark": ["Dark theme", "深色主题"],
  close: ["Close", "关闭"],
  copy: ["Copy", "复制"],
  copied: ["Copied", "已复制"],
  delete: ["Delete", "删除"],
  or: [" or ", " 或 "],
  "error.gone": ["The server does not answer. This page will try again by itself.", "服务器没有回应。本页会自动重试。"],
  "error.busy": ["The server has too much to do just now. Try again in a moment.", "服务器此刻太忙，请稍后再试。"],
  "error.failed": ["The server could not do this (status {status}).", "服务器没能完成（状态 {status}）。"],
  "error.reload": ["This part of the page can't be loaded. Load the page again.", "页面的这一部分无法载入，请刷新页面。"],
  "error.key": ["This server asks for a key.", "这台服务器需要密钥。"],
  "key.ask": ["This server asks for a key:", "这台服务器需要密钥："],
  "key.wrong": ["This was not the key. Try again:", "密钥不对，请再试："],
  "key.use": ["Use it", "使用"],

  // Draw
  "draw.title": ["Draw a digit", "写一个数字"],
  "draw.hint": ["Draw a digit, or several", "写一个或几个数字"],
  "draw.hint.photo": ["or drop a photo here", "或把照片拖到这里"],
  "draw.canvas": ["Drawing field", "书写区"],
  "draw.keys": [
    "Keys: the arrows move, Space lowers and lifts the pen, Backspace undoes, Delete clears.",
    "键盘：方向键移动，空格落笔和提笔，退格撤销，Delete 清空。",
  ],
  "pen.down": ["Pen down", "落笔"],
  "pen.up": ["Pen up", "提笔"],
  undo: ["Undo", "撤销"],
  clear: ["Clear", "清空"],
  eraser: ["Eraser", "橡皮"],
  sample: ["Random example", "随机一张"],
  "sample.short": ["Example", "随机"],
  "photo.choose": ["Photo…", "照片…"],
  "photo.alt": ["The photo", "照片"],
  "photo.close": ["Close the photo", "关闭照片"],
  "photo.reading": ["Reading …", "正在识别……"],
  "photo.none": ["No digits were found in it.", "里面没有找到数字。"],
  "photo.text": ["It reads {text}", "读作 {text}"],
  "photo.sure": ["All digits are right with a probability of {percent}. Tap one to see its bars.", "全部读对的概率是 {percent}。点一个数字，看它的条形图。"],
  "photo.others": ["It could also be {texts}.", "也可能是 {texts}。"],
  "photo.nothing": ["nothing", "没有内容"],
  known: ["What the field may hold", "这一栏能填什么"],
  "known.help": [
    "Rules of the field make readings more reliable. Leave unknown rules empty.",
    "表格对这一栏的规定能让读数更可靠。不知道的就空着。",
  ],
  "known.digits": ["Number of digits", "几位数字"],
  "known.pattern": ["Pattern (regular expression)", "模式（正则表达式）"],
  "known.range": ["Range", "范围"],
  "known.allowed": ["Allowed values", "允许的值"],
  "known.check": ["Check digit", "校验位"],
  "known.risk": ["Accept at a risk of", "可接受的错误率"],
  "known.unfit": ["It does not fit the field.", "它不符合这一栏的规定。"],
  "known.accepted": ["Accepted: no person needs to check it.", "可以接受，无需人工核对。"],
  "known.doubtful": ["A person should check it.", "需要人工核对。"],
  "photo.page": ["page {page}", "第 {page} 页"],
  "photo.files": ["The files and what was read in them", "各个文件和读出的内容"],
  answer: ["Answer", "回答"],
  "outcome.blank": ["Nothing yet", "还没有内容"],
  "outcome.sure": ["probability {percent}", "概率 {percent}"],
  "outcome.ambiguous": ["Likeliest is {digit}, with {percent}.", "最可能是 {digit}，概率 {percent}。"],
  "outcome.many": ["It can't tell: {count} digits are possible.", "分辨不出：有 {count} 个数字都可能。"],
  "outcome.empty": ["Unlike the digits it knows. Likeliest is {digit}, with {percent}.", "和它认识的数字都不太像。最可能是 {digit}，概率 {percent}。"],
  "outcome.none": ["Not a digit", "不是数字"],
  "outcome.none.more": ["This looks like nothing it has learnt. Forced to choose, it would say {digit}.", "这不像它学过的任何东西。非选不可的话，它会说 {digit}。"],
  "bars.label": ["Probability of each digit", "每个数字的概率"],
  "bars.help": ["Circled digits are possible. Tap two bars to see why one and not the other.", "画圈的数字都有可能。点两个数字的条形图，看为什么是前一个而不是后一个。"],
  bar: ["{digit}: {percent}", "{digit}：{percent}"],
  "bar.in": ["{digit}: {percent}, possible", "{digit}：{percent}，有可能"],
  model: ["Model", "模型"],
  "model.softmax": ["softmax regression", "softmax 回归"],
  "model.convnet": ["convnet", "卷积网络"],
  alpha: ["Circles contain the right digit", "圈中包含正确数字"],
  "alpha.of": ["{hits} times in {count}", "每 {count} 次有 {hits} 次"],
  "others.label": ["What other models say", "别的模型怎么说"],
  "others.say": ["{model}: {said}, {percent}. Switch to it.", "{model}：{said}，{percent}。换成它。"],
  "others.none": ["{model}: {said}. Switch to it.", "{model}：{said}。换成它。"],
  seen: ["What the model sees: 28 × 28", "模型看到的：28 × 28"],
  "seen.label": ["The picture of 28 by 28 pixels", "28 × 28 像素的图片"],
  "map.label": ["Map of the evidence: blue speaks for, red against", "证据图：蓝色支持，红色反对"],
  "map.none": ["Which pixels decide it", "由哪些像素决定"],
  "map.caption": ["Blue for {why}, red for {not}", "蓝：支持 {why}；红：支持 {not}"],
  "map.all": ["Blue for {why}, red against", "蓝：支持 {why}；红：反对"],
  why: ["{why} is {times} times as probable as {not}.", "{why} 的可能性是 {not} 的 {times} 倍。"],
  "why.even": ["{why} and {not} are about equally probable.", "{why} 和 {not} 的可能性差不多。"],
  "why.all": ["{why} is {times} times as probable as all others together.", "{why} 的可能性是其余全部的 {times} 倍。"],
  "why.all.less": ["All others together are {times} times as probable as {why}.", "其余全部的可能性是 {why} 的 {times} 倍。"],
  "why.other": ["Why {why} and not … ? Tap another bar.", "为什么是 {why}，而不是……？再点一个数字的条形图。"],
  "why.label": ["The label is {label}.", "标签是 {label}。"],
  account: ["Bias {baseline}, pixels {sum}, sum {difference}{logarithm}", "偏置 {baseline}，像素 {sum}，合计 {difference}{logarithm}"],
  "account.residual": ["Bias {baseline}, pixels {sum}, not attributed {residual}, sum {difference}{logarithm}", "偏置 {baseline}，像素 {sum}，未归因 {residual}，合计 {difference}{logarithm}"],
  "account.log": ["; e to the {size} = {times}.", "；e 的 {size} 次方 = {times}。"],
  "account.strange": ["; the model is less sure than this sum, because the image looks unusual.", "；但这张图不寻常，因此模型没有这个和那么肯定。"],
  "account.mean": [" more than the other classes on average.", "，这是超出其余类别平均值的部分。"],
  wrong: ["Wrong? Correct it", "错了？更正"],
  "wrong.which": ["Which digit is right?", "正确的是哪个？"],
  "wrong.thanks": ["Thank you. It is kept on this machine, under Teach.", "谢谢。已保存在这台机器上，见“教”。"],
};
