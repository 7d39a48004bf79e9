//! The forms that documents have if they carry none, in both languages.

use serde::{Deserialize, Serialize};

use crate::{FormField, FormGroup, FormOption, Kind};

/// A language of the built-in forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[serde(rename = "en")]
    English,
    /// Simplified Chinese.
    #[serde(rename = "zh-CN")]
    Chinese,
}

/// A title in both languages.
type Title = (&'static str, &'static str);

struct Maker(Language);

/// The built-in form of a kind; kinds that are no forms have none.
pub fn form(kind: Kind, language: Language) -> Vec<FormGroup> {
    let make = Maker(language);
    match kind {
        Kind::Server => server(&make),
        Kind::DatabaseSnapshot => database(&make),
        Kind::TableSnapshot => table(&make),
        Kind::ViewSnapshot => view(&make),
        Kind::Environment => vec![make.group(
            "basic",
            BASIC,
            vec![make.field("text", "label", ("Label", "名称"), "required|length:1,128")],
        )],
        Kind::ApprovalFlow | Kind::Project => Vec::new(),
    }
}

const BASIC: Title = ("Basics", "基本设置");
const DOCUMENT: Title = ("Document", "文档");
const COMMENT: Title = ("Comment", "说明");

fn server(make: &Maker) -> Vec<FormGroup> {
    vec![
        make.group(
            "basic",
            BASIC,
            vec![
                make.field("text", "ip", ("Address", "IP"), "required"),
                make.field("text", "environment", ("Environment", "环境"), "required"),
            ],
        ),
        make.group(
            "database",
            ("Database", "数据库设置"),
            vec![
                make.field(
                    "number",
                    "port",
                    ("Port", "数据库端口"),
                    "required|between:1,65535",
                ),
                make.field("text", "username", ("User", "数据库账号"), "required"),
                make.field("password", "password", ("Password", "数据库密码"), ""),
                make.kind("required"),
                make.field(
                    "select",
                    "agent",
                    ("Host whose agent reaches it", "执行主机"),
                    "required",
                ),
                make.field("text", "databases", ("Databases", "数据库"), "required"),
            ],
        ),
    ]
}

fn database(make: &Maker) -> Vec<FormGroup> {
    vec![
        make.group(
            "basic",
            BASIC,
            vec![
                make.field("text", "name", ("Database name", "数据库名称"), "required"),
                make.field("text", "comment", COMMENT, "required"),
                make.kind("required"),
            ],
        ),
        make.document(),
    ]
}

fn table(make: &Maker) -> Vec<FormGroup> {
    let flag = |name, title| make.field("checkbox", name, title, "").with(false);
    vec![
        make.group(
            "basic",
            BASIC,
            vec![
                make.field("select", "database", ("Database", "数据库"), "required"),
                make.field("text", "name", ("Name", "名称"), "required"),
                make.field("select", "dataType", ("Data type", "数据类型"), "required"),
                make.field("text", "defaultValue", ("Default", "默认值"), ""),
                flag("notNull", ("Not null", "非空")),
                flag("autoInc", ("Auto increment", "自增")),
                flag("unique", ("Unique", "唯一")),
                flag("primaryKey", ("Primary key", "主键")),
                make.field("text", "comment", COMMENT, ""),
            ],
        ),
        make.group(
            "keys",
            ("Keys", "Keys"),
            vec![
                make.field("text", "name", ("Name", "名称"), ""),
                flag("primaryKey", ("Primary key", "主键")),
                make.field("select", "columns", ("Columns", "列名"), "required"),
            ],
        ),
        make.group(
            "index",
            ("Index", "Index"),
            vec![
                make.field("text", "name", ("Name", "名称"), "required"),
                make.field("text", "column", ("Column", "列名"), ""),
                make.field("select", "sorting", ("Order", "排序"), "").among(&[
                    ("ascending", "ASC"),
                    ("none", ""),
                    ("descending", "DESC"),
                ]),
                flag("unique", ("Unique", "唯一")),
            ],
        ),
        make.document(),
        make.group(
            "sqlScript",
            ("SQL script", "SQL脚本"),
            vec![make.field("sql", "sql", ("SQL script", "SQL脚本"), "")],
        ),
    ]
}

fn view(make: &Maker) -> Vec<FormGroup> {
    vec![
        make.group(
            "basic",
            BASIC,
            vec![
                make.field("select", "database", ("Database", "数据库"), "required"),
                make.field("text", "comment", COMMENT, ""),
                make.field("sql", "query", ("Query", "查询"), "required"),
            ],
        ),
        make.document(),
    ]
}

impl Maker {
    fn said(&self, title: Title) -> String {
        let text = match self.0 {
            Language::English => title.0,
            Language::Chinese => title.1,
        };
        text.to_owned()
    }

    fn group(&self, group: &str, title: Title, form_schema: Vec<FormField>) -> FormGroup {
        FormGroup {
            group: group.to_owned(),
            label: Some(self.said(title)),
            form_schema,
        }
    }

    fn field(&self, input: &str, name: &str, title: Title, validation: &str) -> FormField {
        FormField {
            input: input.to_owned(),
            name: name.to_owned(),
            label: Some(self.said(title)),
            validation: (!validation.is_empty()).then(|| validation.to_owned()),
            options: Vec::new(),
            value: None,
            looks: serde_json::Map::new(),
        }
    }

    fn kind(&self, validation: &str) -> FormField {
        self.field("select", "type", ("Type", "数据库类型"), validation)
            .among(&[("MySQL", "MySQL"), ("Postgres", "Postgres")])
    }

    fn document(&self) -> FormGroup {
        let content = self.field("markdown", "content", DOCUMENT, "");
        self.group("document", DOCUMENT, vec![content])
    }
}

impl FormField {
    fn with(mut self, value: bool) -> Self {
        self.value = Some(value.into());
        self
    }

    fn among(mut self, options: &[(&str, &str)]) -> Self {
        let option = |(label, value): &(&str, &str)| FormOption {
            label: (*label).to_owned(),
            value: (*value).to_owned(),
        };
        self.options = options.iter().map(option).collect();
        self
    }
}
