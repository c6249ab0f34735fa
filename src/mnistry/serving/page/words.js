/** All words of the page, in English and Chinese, and how its numbers are written. */

let now = "en";

/** @returns {"en"|"zh"} the language of now */
export const language = () => now;

/** @param {"en"|"zh"} to */
export function setLanguage(to) {
  now = to;
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
  [/^(.+) is (HEIC|AVIF), which .*$/, "$1 是 $2 格式，这台服务器不能解码；请存为 JPEG。"],
  [/^A request may have at most ([\d,]+) bytes; send less at once\.$/, "一次最多发送 $1 字节，请少发一些。"],
  [/^Too many ask at once; come again in a second\.$/, "同时请求太多，请稍等一秒再试。"],
  [/^This took too long; give less at once\.$/, "用时太长，请一次少给一些。"],
  [/^(\d+) runs are watched already; come again later\.$/, "已有 $1 个训练在进行，请稍后再来。"],
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
  "error.key": ["This server asks for a key.", "这台服务器需要密钥。"],
  "key.ask": ["This server asks for a key:", "这台服务器需要密钥："],
  "key.wrong": ["This was not the key. Try again:", "密钥不对，请再试："],
  "key.use": ["Use it", "使用"],

  // Draw
  "draw.title": ["Draw a digit", "写一个数字"],
  "draw.hint": ["Draw a digit", "写一个数字"],
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
  sample: ["Show me one", "来一个"],
  "photo.choose": ["Photo…", "照片…"],
  "photo.alt": ["The photo", "照片"],
  "photo.close": ["Close the photo", "关闭照片"],
  "photo.reading": ["Reading …", "正在识别……"],
  "photo.none": ["No digits were found in it.", "里面没有找到数字。"],
  "photo.text": ["It reads {text}", "读作 {text}"],
  "photo.sure": ["All of it is right with a probability of {percent}.", "整串都对的概率是 {percent}。"],
  "photo.pick": ["Touch a digit to see how it was read.", "点一个数字，看它是怎样认出来的。"],
  apart: ["These look like several digits; the bars judge them as one.", "这像是几个数字，而条形把它们当作一个来判断。"],
  "apart.read": ["Read them all", "全部读出来"],
  answer: ["Answer", "回答"],
  "outcome.blank": ["Nothing yet", "还没有内容"],
  "outcome.sure": ["probability {percent}", "概率 {percent}"],
  "outcome.ambiguous": ["Likeliest is {digit}, with {percent}.", "最可能是 {digit}，概率 {percent}。"],
  "outcome.many": ["It can't tell: {count} digits are possible.", "分辨不出：有 {count} 个数字都可能。"],
  "outcome.empty": ["Unlike the digits it knows. Likeliest is {digit}, with {percent}.", "和它认识的数字都不太像。最可能是 {digit}，概率 {percent}。"],
  "outcome.none": ["Not a digit", "不是数字"],
  "outcome.none.more": ["This looks like nothing it has learnt. Forced to choose, it would say {digit}.", "这不像它学过的任何东西。非选不可的话，它会说 {digit}。"],
  "bars.label": ["Probability of each digit", "每个数字的概率"],
  "bars.help": ["Circled: what it may be. Touch two bars to ask why the one and not the other.", "画圈的：都有可能。点两个条形，问它为什么是前一个而不是后一个。"],
  bar: ["{digit}: {percent}", "{digit}：{percent}"],
  "bar.in": ["{digit}: {percent}, possible", "{digit}：{percent}，有可能"],
  model: ["Model", "模型"],
  "model.softmax": ["softmax regression", "softmax 回归"],
  "model.convnet": ["convnet", "卷积网络"],
  alpha: ["The circles may miss", "画圈允许漏掉"],
  "alpha.of": ["1 digit in {count}", "每 {count} 个漏 1 个"],
  "others.label": ["What other models say", "别的模型怎么说"],
  "others.say": ["{model} says {digit}, with {percent}. Switch to it.", "{model}说是 {digit}，概率 {percent}。换成它。"],
  seen: ["What the model sees: 28 × 28", "模型看到的：28 × 28"],
  "seen.label": ["The picture of 28 by 28 pixels", "28 × 28 像素的图片"],
  "map.label": ["Map of the evidence: blue speaks for, red against", "证据图：蓝色支持，红色反对"],
  "map.caption": ["Blue for {why}, red for {not}", "蓝：支持 {why}；红：支持 {not}"],
  "map.all": ["Blue for {why}, red against", "蓝：支持 {why}；红：反对"],
  why: ["{why} is {times} times as probable as {not}.", "{why} 的可能性是 {not} 的 {times} 倍。"],
  "why.even": ["{why} and {not} are about equally probable.", "{why} 和 {not} 的可能性差不多。"],
  "why.all": ["{why} is {times} times as probable as all others together.", "{why} 的可能性是其余全部的 {times} 倍。"],
  "why.all.less": ["All others together are {times} times as probable as {why}.", "其余全部的可能性是 {why} 的 {times} 倍。"],
  "why.other": ["Why {why} and not … ? Touch another bar.", "为什么是 {why}，而不是……？再点一个条形。"],
  account: ["Before any ink {baseline}, all pixels {sum}: together {difference}, {logarithm}.", "落墨之前 {baseline}，全部像素 {sum}，合计 {difference}，{logarithm}。"],
  "account.residual": ["Before any ink {baseline}, all pixels {sum}, not attributed {residual}: together {difference}, {logarithm}.", "落墨之前 {baseline}，全部像素 {sum}，未归因 {residual}，合计 {difference}，{logarithm}。"],
  "account.log": ["the logarithm of that", "即上面倍数的对数"],
  "account.minus-log": ["minus the logarithm of that", "即上面倍数的对数取负"],
  "account.strange": ["of which a model that knows the picture to be strange makes less", "但模型觉得这张图陌生，因此没有那么肯定"],
  "account.mean": ["more than the other classes have on average", "这是超出其余类别平均值的部分"],
  wrong: ["Wrong? Tell it", "错了？告诉它"],
  "wrong.which": ["What is right?", "正确的是哪个？"],
  "wrong.thanks": ["Thank you. It is kept on this machine, under Teach.", "谢谢。已保存在这台机器上，见“教”。"],

  // Learn
  "learn.title": ["From pixels to probabilities", "从像素到概率"],
  "learn.lead": [
    "How a machine reads a handwritten digit, from the first pixel to the last percent. Everything here can be touched.",
    "机器怎样认出一个手写数字：从第一个像素，到最后一个百分点。这里的一切都可以动手试。",
  ],
  another: ["Another picture", "换一张"],
  "pixels.title": ["A picture is 784 numbers", "一张图片就是 784 个数"],
  "pixels.1": [
    "MNIST is 70,000 pictures of digits, written by hand by more than 800 people. This is one of them, magnified.",
    "MNIST 是 800 多人手写的 70,000 张数字图片。这是其中一张，放大了。",
  ],
  "pixels.2": [
    "To the computer it is 28 rows of 28 numbers. 0 is paper, 255 is full ink. Touch a pixel, or walk there with the arrow keys.",
    "对计算机来说，它是 28 行、每行 28 个数。0 是纸，255 是浓墨。点一个像素，或用方向键走过去。",
  ],
  "pixels.label": ["A picture of 28 by 28 pixels; the arrow keys go from pixel to pixel", "28 × 28 像素的图片，方向键逐个像素移动"],
  "pixels.strip": [
    "The 28 rows laid end to end: this is all that the model gets. Nothing says any more which pixels are neighbours.",
    "把 28 行首尾相接：模型得到的就只有这些。哪些像素相邻，已无从知道。",
  ],
  pixel: ["Row {row}, column {column}, number {index} of 784: {value}, as a share of full ink {share}", "第 {row} 行，第 {column} 列，784 个中的第 {index} 个：{value}，占浓墨的 {share}"],
  "hot.title": ["The answer is ten numbers", "答案是十个数"],
  "hot.1": [
    "The right answer, the *label*, becomes numbers too: a 1 in the column of the digit, 0 elsewhere. This is called *one-hot*. It reads as a statement of probabilities: this digit for certain, no other.",
    "正确答案叫*标签*，也写成数：在这个数字的那一列写 1，其余写 0。这叫*独热*（one-hot）。它可以读成一句关于概率的话：一定是这个数字，不是别的。",
  ],
  "hot.label": ["The label as ten numbers; pressing a digit shows a picture of it", "标签写成十个数；点一个数字，换成它的图片"],
  "hot.cell": ["{digit}: {value}. Show a picture of a {digit}", "{digit}：{value}。看一张 {digit}"],
  "sums.title": ["Every pixel has a say", "每个像素都有发言权"],
  "sums.1": [
    "How could one decide whether a picture shows a 0? Ask every pixel. Ink on the ring of the 0 speaks for it; ink in the middle speaks against it.",
    "怎样判断一张图片是不是 0？去问每一个像素。0 的那一圈上有墨，支持它；中间有墨，反对它。",
  ],
  "sums.2": [
    "So each class gives each pixel a *weight*: blue where ink speaks for the class, red where it speaks against. Multiply each pixel by its weight and add everything up, row by row.",
    "所以每一类给每个像素一个*权重*：蓝色的地方，有墨就支持这一类；红色的地方，有墨就反对。每个像素乘以自己的权重，再一行一行加起来。",
  ],
  "sums.3": [
    "Add one more number, the *bias*, for what the class has in its favour before any ink is seen. The sum is the *evidence* for the class. Choose a class and watch.",
    "再加一个数，即*偏置量*：还没看到墨迹时，这一类就有的优势。总和就是支持这一类的*证据*。选一类看看。",
  ],
  "sums.picture": ["the picture", "图片"],
  "sums.weights": ["the weights of the class", "这一类的权重"],
  "sums.product": ["what each pixel says, and each row", "每个像素、每一行怎么说"],
  "sums.rows": ["Rows added up", "已加的行数"],
  "sums.play": ["Add up", "加起来"],
  "sums.classes": ["Evidence for each class", "每一类的证据"],
  "sums.so-far": ["{rows} of 28 rows: {sum}", "28 行中的 {rows} 行：{sum}"],
  "sums.total": ["All rows {sum}, bias {bias}: evidence for {digit} is ", "全部行 {sum}，偏置量 {bias}：支持 {digit} 的证据是 "],
  "softmax.title": ["From evidence to probabilities", "从证据到概率"],
  "softmax.1": [
    "Ten sums are not yet probabilities. Those must be positive and add up to 1. *Softmax* gets there in two steps: raise e to the power of each sum, then divide by the total.",
    "十个和还不是概率。概率必须是正数，而且加起来等于 1。*softmax* 用两步做到：以每个和为指数求 e 的幂，再除以总和。",
  ],
  "softmax.2": [
    "One unit more evidence for a class makes its odds against any other e ≈ 2.7 times better. A class can only become more probable at the cost of others. Drag, and watch.",
    "某一类的证据每多 1，它相对于其他任何一类的胜算就变成原来的 e ≈ 2.7 倍。一类的概率要变大，别的类就得让出一些。拖动看看。",
  ],
  "softmax.3": [
    "Only differences count: give every class the same amount more, and nothing changes.",
    "起作用的只有差值：每一类都加上同样多，结果不变。",
  ],
  "softmax.evidence": ["evidence", "证据"],
  "softmax.exp": ["e to its power", "e 的幂"],
  "softmax.share": ["divided by the total", "除以总和"],
  "softmax.slider": ["Evidence for {digit}", "支持 {digit} 的证据"],
  "softmax.value": ["{value}; probability {percent}", "{value}；概率 {percent}"],
  "softmax.total": ["total of the powers: {total}", "幂的总和：{total}"],
  "softmax.up": ["+1 for all", "全部 +1"],
  "softmax.down": ["−1 for all", "全部 −1"],
  "softmax.real": ["The evidence from above", "用上面的证据"],
  "softmax.shifted": ["All evidence moved, all powers changed, and no probability did.", "证据都动了，幂都变了，概率一个也没变。"],
  "training.title": ["Watch it learn", "看它学习"],
  "training.1": [
    "At first all weights are 0 and every class gets probability 0.1. Training is finding better ones.",
    "一开始所有权重都是 0，每一类的概率都是 0.1。训练就是寻找更好的权重。",
  ],
  "training.2": [
    "The *loss* measures how bad the answers are: minus the logarithm of the probability that the true class was given. It is the model's surprise on hearing the truth. A guess among ten costs 2.3.",
    "*损失*衡量回答有多差：取模型给真实类别的概率，求对数，再取负。它是模型听到真相时的惊讶程度。十个里瞎猜一个，代价是 2.3。",
  ],
  "training.3": [
    "Take a hundred pictures, a *batch*; see which way the loss goes down; take a step that way; repeat. This is *gradient descent*, and the server does it now, on 55,000 pictures, when you press Start.",
    "取一百张图片，即一个*小批量*；看损失往哪边降；朝那边走一步；再来。这就是*梯度下降*。按“开始”，服务器就在 55,000 张图片上真的这样做。",
  ],
  "training.4": [
    "The *learning rate* is the length of a step. Too short, and it takes forever. Too long, and it steps over the valley and up the other side. Try 50.",
    "*学习率*是步长。太短，学得极慢；太长，一步跨过山谷，走到对面坡上去了。试试 50。",
  ],
  "training.start": ["Start", "开始"],
  "training.restart": ["Start again", "重新开始"],
  "training.pause": ["Pause", "暂停"],
  "training.resume": ["Go on", "继续"],
  "training.step": ["One batch", "一个小批量"],
  "training.speed": ["Speed", "速度"],
  "training.rate": ["Learning rate", "学习率"],
  "training.per-second": ["{count} batches a second", "每秒 {count} 个小批量"],
  "training.batches": ["{count} batches", "{count} 个小批量"],
  "training.numbers": ["Batch {step} · loss {loss} · right {accuracy}", "小批量 {step} · 损失 {loss} · 答对 {accuracy}"],
  "training.loss": ["Loss", "损失"],
  "training.accuracy": ["Right, of 5,000 pictures it does not learn from", "答对的比例（5,000 张没用来学习的图片）"],
  "training.maps": ["The weights of each class: blue speaks for it, red against", "每一类的权重：蓝色支持，红色反对"],
  "training.worse": ["It diverges: the loss is above 2.3, that of blind guessing. The steps are too long. Take a smaller learning rate and start again.", "它在发散：损失高于 2.3，比瞎猜还差。步子太长了。把学习率调小，重新开始。"],
  "training.diverged": ["It diverged: the steps were too long, and the loss grew without end. Take a smaller learning rate and start again.", "它发散了：步子太长，损失越来越大。把学习率调小，重新开始。"],
  "training.done": ["This training has ended.", "这次训练结束了。"],
  "training.cut": ["The connection was cut. Start again when you like.", "连接断了，可以随时重新开始。"],
  "onward.title": ["From here to convolutional networks", "由此到卷积网络"],
  "onward.1": [
    "This model reads nine digits of ten. It has a single map for each class, and weighs each pixel alone: it can't ask whether a stroke goes on, or whether a ring is closed.",
    "这个模型十个数字能认对九个。它每一类只有一张权重图，每个像素单独计票：它没法问一笔是否连着，一个圈是否封闭。",
  ],
  "onward.2": [
    "A convolutional network keeps nearly everything that you saw here. It ends in the same evidence and the same softmax. But its evidence is no longer a weighted sum of single pixels: layers before it look at small neighbourhoods, and learn strokes, corners and loops. That leads above 99.5%.",
    "卷积网络几乎保留了你在这里看到的一切。它的末端是同样的证据、同样的 softmax。只是证据不再是单个像素的加权和：前面的各层先看小块的邻域，从而学会笔画、拐角和圆圈。这样就能超过 99.5%。",
  ],
  "onward.draw": ["Draw for both of them", "写给两个模型看"],
  "onward.look": ["See what they get wrong", "看它们错在哪里"],

  // Look
  "look.title": ["What it gets wrong, and how sure it was", "它错在哪里，又有多大把握"],
  "look.lead": [
    "MNIST's 10,000 test pictures. The models that come with mnistry have not learnt from them, nor from any other picture by their writers.",
    "MNIST 的 10,000 张测试图片。mnistry 自带的模型没有学过它们，也没有学过这些人写的任何别的图片。",
  ],
  "look.waiting": ["The model is looking at 10,000 pictures …", "模型正在看 10,000 张图片……"],
  "sheet.right": ["right", "答对"],
  "sheet.interval": [
    "{wrong} of 10,000 are wrong. Ten thousand pictures are a sample: with others it would be anything from {low} to {high} (95% interval).",
    "10,000 张里错 {wrong} 张。一万张只是一个样本：换一批，成绩会在 {low} 到 {high} 之间（95% 置信区间）。",
  ],
  "sheet.parts": ["Of the students' digits {students} are right, of the census employees' {employees}.", "学生写的，答对 {students}；人口普查局雇员写的，答对 {employees}。"],
  "sheet.coverage": ["Sets that may miss 1 digit in 100 hold the right one {coverage} of the time, with {size} digits on average.", "允许每 100 个漏 1 个的集合，有 {coverage} 包含正确答案，平均 {size} 个数字。"],
  "confusion.title": ["What is taken for what", "把什么认成什么"],
  "confusion.caption": ["Rows: the label. Columns: the answer.", "行：标签。列：回答。"],
  "confusion.cell": ["Label {label}, answer {answer}: {count} pictures", "标签 {label}，回答 {answer}：{count} 张"],
  "confusion.note": ["Touch a cell to see its pictures.", "点一格，看里面的图片。"],
  "reliability.title": ["Are the probabilities true?", "概率是真的吗？"],
  "reliability.label": ["How often it is right, over how sure it claims to be", "声称的把握与实际答对的比例"],
  "reliability.bin": ["Claimed {claimed}, right {right}: {count} pictures", "声称 {claimed}，答对 {right}：{count} 张"],
  "reliability.claimed": ["Claimed", "声称"],
  "reliability.right": ["Right", "答对"],
  "reliability.count": ["Pictures", "图片数"],
  "reliability.note": [
    "Across: how sure it claims to be. Up: how often it is right, with 95% intervals. On the diagonal its word is good. Each point stands for {count} pictures; both axes are stretched towards 100%, where most of them are. Mean distance (ECE): {ece}; {floor} would be noise.",
    "横轴：声称的把握。纵轴：实际答对的比例，附 95% 置信区间。在对角线上，说的就是真的。每个点代表 {count} 张图片；大多数图片靠近 100%，所以两轴在那一端都拉长了。平均差距（ECE）：{ece}；{floor} 属于噪声。",
  ],
  "look.pictures": ["The pictures", "图片"],
  "look.what": ["Which pictures", "哪些图片"],
  "look.what.mistakes": ["Mistakes, surest first", "错的，最有把握的在前"],
  "look.what.all": ["All", "全部"],
  "look.who": ["Whose", "谁写的"],
  "look.who.all": ["Everyone's", "所有人"],
  "look.who.students": ["Students'", "学生"],
  "look.who.employees": ["Employees'", "雇员"],
  "look.cell": ["Label {label}, answer {answer}  ✕", "标签 {label}，回答 {answer}  ✕"],
  "look.wrong": ["Picture {index}, {who}: label {label}, answer {answer} with {percent}", "第 {index} 张，{who}：标签 {label}，回答 {answer}，概率 {percent}"],
  "look.right": ["Picture {index}, {who}: {label}, read as such with {percent}", "第 {index} 张，{who}：{label}，认对了，概率 {percent}"],
  "look.student": ["a student's", "学生所写"],
  "look.employee": ["an employee's", "雇员所写"],
  page: ["{from}–{to} of {all}", "第 {from}–{to} 张，共 {all} 张"],
  "page.none": ["None", "没有"],
  "page.before": ["Previous", "上一页"],
  "page.after": ["Next", "下一页"],
  "detail.title": ["Test picture {index}", "第 {index} 张测试图片"],
  "detail.draw": ["See the evidence", "看证据"],

  // Teach
  "teach.title": ["Teach it your hand", "教它认你的字"],
  "teach.lead": [
    "Where it was wrong and you said so, the picture and your answer are kept here.",
    "它错了而你指出来的地方，图片和你的答案都保存在这里。",
  ],
  "teach.stay": [
    "They stay on this machine: nothing is sent anywhere. Delete what you do not want to keep.",
    "它们只留在这台机器上，不会发到任何地方。不想留的，可以删掉。",
  ],
  "teach.learn": ["The models do not change by themselves. To train one on these pictures:", "模型不会自己改变。要用这些图片训练一个："],
  "teach.parquet": ["Save as Parquet", "存为 Parquet"],
  "teach.zip": ["Save as IDX files (zip)", "存为 IDX 文件（zip）"],
  "teach.none": ["Nothing yet", "还没有"],
  "teach.one": ["One correction", "1 条更正"],
  "teach.count": ["{count} corrections", "{count} 条更正"],
  "teach.right": ["{label}", "{label}"],
  "teach.item": ["as you said.", "按你说的。"],
  "teach.item.answer": ["{model} said {answer}.", "{model}说是 {answer}。"],
  "teach.delete": ["Delete the correction to {label}", "删除更正为 {label} 的这一条"],
  "teach.deleted": ["Deleted", "已删除"],
};
