/** The text of Teach, in English and Chinese. */

import { addWords } from "./words.js";

addWords({
  "teach.title": ["Teach it your hand", "教它认你的字"],
  "teach.lead": [
    "Your corrections are kept here.",
    "你的更正都保存在这里。",
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
  "teach.item": ["your correction, {date}", "你的更正，{date}"],
  "teach.item.answer": ["{model} said {answer}, {date}", "{model}说是 {answer}，{date}"],
  "teach.delete": ["Delete the correction to {label}", "删除更正为 {label} 的这一条"],
  "teach.deleted": ["Deleted", "已删除"],
});
