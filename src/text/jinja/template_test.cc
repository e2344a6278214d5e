// Expected texts are those of Jinja 3.1.6, set up as the transformers library does.
#include "text/jinja/template.h"

#include <gtest/gtest.h>

#include <string>

#include "text/jinja/value.h"
#include "util/error.h"
#include "util/json.h"

namespace slm::jinja {
namespace {

Text render(const std::string& source, const char* context = "{}") {
  Value names = from_json(Json::parse(context));
  return Template(source, "chat_template").render(*names.dict(), 86400 * 365);
}

struct Case {
  const char *source, *want;
};

template <size_t N>
void expect_all(const Case (&cases)[N]) {
  constexpr const char* kContext = R"({"messages": [{"role": "user", "content": " Hi\n"},
      {"role": "assistant", "content": "é<b>\"q\"", "n": 1.5, "x": null}], "flag": true})";
  for (const Case& c : cases) EXPECT_EQ(render(c.source, kContext).str(), c.want) << c.source;
}

TEST(Jinja, WhiteSpaceAroundTags) {
  const Case kCases[] = {
      {"a\n", "a"},
      {"a\n\n", "a\n"},
      {"a\r\nb", "a\nb"},
      {"{% if 1 %}\nx\n{% endif %}\ny", "x\ny"},
      {"  {% if 1 %}\n  x\n  {% endif %}\ny", "  x\ny"},
      {"  {%+ if 1 %}x{% endif %}", "  x"},
      {"  {{ 1 }}\n  {{ 2 }}", "  1\n  2"},
      {"a \n {{- 1 -}} \n b", "a1b"},
      {"a {%- if 1 -%} \n x {%- endif -%} b", "axb"},
      {"{% if 1 +%}\nx{% endif %}", "\nx"},
      {"a {# c #} b\n{# c #}\nd{#- e -#} f", "a  b\ndf"},
      {"{% raw %}{{ x }} {% if %}\n{% endraw %}\ny", "{{ x }} {% if %}\ny"},
      {"x{% raw -%} {{ {%- endraw -%} y", "x{{y"},
  };
  expect_all(kCases);
}

TEST(Jinja, Values) {
  const Case kCases[] = {
      {"{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }} {{ -2 ** 2 }}",
       "3 -4 2 3.5 1024 4"},
      {"{{ (1 + 2 * 3) ~ 'a' ~ none }} {{ true + 1 }} {{ 'ab' * 3 }} {{ [1] * 2 + [2] }}",
       "7aNone 2 ababab [1, 1, 2]"},
      {"{{ 1.0 }} {{ 1e20 }} {{ 0.1 + 0.2 }} {{ 1e-7 }} {{ 1_000 }}",
       "1.0 1e+20 0.30000000000000004 1e-07 1000"},
      {"{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 'a' in 'cat' }} {{ 3 not in [1, 2] }} {{ not 1 }}",
       "True False True True False"},
      {"{{ 0 or 'x' }} {{ '' and 'y' }}{{ 1 and 2 }} {{ 'a' if false }}{{ 'b' if 0 else 'c' }}",
       "x 2 c"},
      {"{{ missing }}{{ missing is defined }} {{ messages[5] }}{{ messages[0].nope }}|", "False |"},
      {"{{ {'a': 1, 'b': [none, 1.5, 'x\\'y']} }} {{ (1, 2) }} {{ ('a',) }} {{ () }}",
       "{'a': 1, 'b': [None, 1.5, \"x'y\"]} (1, 2) ('a',) ()"},
      {"{{ 'a\\n\\t\\x41\\u00e9' 'b' }}", "a\n\tAéb"},
      {"{{ 'héllo'[1:4] }} {{ 'héllo'[::-1] }} {{ [1,2,3,4][-2:] }} {{ [1,2,3][::2] }} "
       "{{ 'abc'[-1] }}",
       "éll olléh [3, 4] [1, 3] c"},
      {"{{ messages[-1]['role'] }} {{ messages[1].n }} {{ messages[1].x is none }}",
       "assistant 1.5 True"},
      {"{{ {'a': {'b': 2}}.a.b }}{{ [[1, 2]].0.1 }}", "22"},
      {"{{ {'items': 3}['items'] }} {{ 1 == 1.0 }} {{ [1, 'a'] == [1, 'a'] }}", "3 True True"},
  };
  expect_all(kCases);
}

TEST(Jinja, FiltersTestsAndMethods) {
  const Case kCases[] = {
      {"{{ '  x ' | trim }}{{ 'xxaxx' | trim('x') }}{{ 'é' | upper }} {{ 'ABC' | lower }}",
       "xaÉ abc"},
      {"{{ messages | map(attribute='role') | join(', ') }}", "user, assistant"},
      {"{{ messages | selectattr('role', 'equalto', 'user') | list | length }}"
       "{{ messages | rejectattr('n', 'defined') | map(attribute='role') | first }}",
       "1user"},
      {"{{ [1, 2, 3, 4] | select('even') | list }} {{ ['', 'a'] | reject | list }}", "[2, 4] ['']"},
      {"{{ messages[1] | tojson }}",
       R"({"role": "assistant", "content": "é<b>\"q\"", "n": 1.5, "x": null})"},
      {"{{ {'a': [1, {}], 'b': []} | tojson(indent=2) }}",
       "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}"},
      {"{{ missing | default('d') }} {{ '' | d('e', true) }} {{ 0 | default(5) }}", "d e 0"},
      {"{{ 'a.b.c'.split('.') }} {{ ' a  b '.split() }} {{ 'a.b.c'.split('.', 1)[-1] }} "
       "{{ 'a.b.c'.rsplit('.', 1) }}",
       "['a', 'b', 'c'] ['a', 'b'] b.c ['a.b', 'c']"},
      {"{{ 'abc'.startswith(('x', 'ab')) }} {{ 'xyx'.strip('x') }} {{ 'aXa'.replace('a', '') }} "
       "{{ 'hello world'.title() }} {{ 'ab'.upper().lower() }}",
       "True y X Hello World ab"},
      {"{% for k, v in {'b': 1, 'a': 2} | items %}{{ k }}{{ v }}{% endfor %} "
       "{{ {'b': 1, 'a': 2} | dictsort }} {{ {'a': 1}.get('z', 9) }} {{ {'a': 1}.keys() | list }}",
       "b1a2 [('a', 2), ('b', 1)] 9 ['a']"},
      {"{{ ['b', 'A', 'c'] | sort }} {{ [3, 1] | max }} {{ [1, 2] | sum }} {{ 'abc' | last }}",
       "['A', 'b', 'c'] 3 3 c"},
      {"{{ '12' | int + 1 }} {{ 'x' | int(7) }} {{ '1.5' | float }} {{ 2.5 | round }} "
       "{{ [1, 1, 2] | unique | list }}",
       "13 7 1.5 2.0 [1, 2]"},
      {"{{ 3 is odd }} {{ 4 is divisibleby 2 }} {{ 'x' is string and messages is iterable }} "
       "{{ messages[0] is mapping }} {{ 1 is not number }} {{ none is none }}",
       "True True True True False True"},
      {"{{ 'a\\nb' | indent(2) }}|{{ 'a\\n\\nb' | indent(1, true) }}", "a\n  b| a\n\n b"},
      {"{{ strftime_now('%Y') }}", "1971"},
  };
  expect_all(kCases);
}

TEST(Jinja, Statements) {
  const Case kCases[] = {
      {"{% for m in messages %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}"
       "{{ loop.revindex }}{{ loop.length }} {% endfor %}",
       "10TrueFalse22 21FalseTrue12 "},
      {"{% for i in range(5) if i is odd %}{{ loop.index }}:{{ i }} {% else %}none{% endfor %}",
       "1:1 2:3 "},
      {"{% for i in [] %}x{% else %}none{% endfor %}", "none"},
      {"{% for i in range(9) %}{% if i == 1 %}{% continue %}{% elif i == 3 %}{% break %}{% endif %}"
       "{{ i }}{% endfor %}",
       "02"},
      {"{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = 9 %}{{ x }}{% endfor %}{{ x }}",
       "19191"},
      {"{% set ns = namespace(n=0, s='a') %}{% for i in [1, 2] %}{% set ns.n = ns.n + i %}"
       "{% endfor %}{{ ns.n }}{{ ns.s }}",
       "3a"},
      {"{% if 1 %}{% set y = 5 %}{% endif %}{{ y }}", "5"},
      {"{% set a, b = 1, 'z' %}{{ b }}{{ a }}{% for p, q in [(1, 2), [3, 4]] %}{{ q }}{% endfor %}",
       "z124"},
      {"{% set t %}\n  x{{ 1 }}{% endset %}[{{ t }}]{% set u | upper %}ab{% endset %}{{ u }}",
       "[  x1]AB"},
      {"{% macro f(a, b='B') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{% set c = 'C' %}"
       "{{ f(1) }} {{ f(1, b=2) }} {{ f(b=3) }}",
       "1BC 12C 3C"},
      {"{% macro f(n) %}{{ n }}{% if n %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}",
       "3210"},
      {"{% filter upper %}ab{{ 'c' }}{% endfilter %}{% with q = 1 %}{{ q }}{% endwith %}{{ q }}",
       "ABC1"},
      {"{% generation %}x{% endgeneration %}", "x"},
      {"{% for i in 'ab' %}{{ loop.cycle('x', 'y') }}{{ loop.previtem }}{{ loop.nextitem }}"
       "{{ loop.changed(1) }}{% endfor %}",
       "xbTrueyaFalse"},
  };
  expect_all(kCases);
}

TEST(Jinja, ErrorsNameTheLine) {
  const Case kCases[] = {
      {"a\n{{ x", "line 2: a tag without }}"},
      {"\n\n{% if 1 %}", "line 3: expected {% endif %}"},
      {"{% endif %}", "line 1: {% endif %} is not supported here"},
      {"{% include 'f' %}", "include"},
      {"{{ 1 + }}", "expected a value"},
      {"{{ 'a' + 1 }}", "line 1: + of a string and a integer"},
      {"\n{{ missing.x }}", "line 2: \"missing\" is undefined"},
      {"{{ missing() }}", "\"missing\" is undefined"},
      {"{{ 1 | nofilter }}", "no filter \"nofilter\""},
      {"{{ 1 is notest }}", "no test \"notest\""},
      {"{{ 'a'.nomethod() }}", "no method \"nomethod\""},
      {"{{ 1 / 0 }}", "division by zero"},
      {"{{ 9223372036854775807 + 1 }}", "too large"},
      {"{% break %}", "outside of a loop"},
      {"{{ raise_exception('no ' ~ 'way') }}", "line 1: no way"},
      {"{{ [1].append(2) }}", "no method"},
      {"{{ ''.__class__ }}", ""},
      {"{% set x.y = 1 %}", "namespace"},
      {"{{ '\\ud800' }}", "broken escape"},
      {"{{ 1 $ 2 }}", "no meaning"},
      {"{{ (1] }}", "closes nothing"},
      {"\xFF", "not UTF-8"},
  };
  for (const Case& c : kCases) {
    if (*c.want == '\0') {
      EXPECT_EQ(render(c.source).str(), "") << c.source;
      continue;
    }
    try {
      render(c.source);
      ADD_FAILURE() << "no error for " << c.source;
    } catch (const Error& e) {
      std::string text = e.what();
      EXPECT_TRUE(text.starts_with("chat_template: line ")) << text;
      EXPECT_NE(text.find(c.want), std::string::npos) << text;
    }
  }
}

std::string repeat(const std::string& unit, int n) {
  std::string out;
  while (n-- > 0) out += unit;
  return out;
}

TEST(Jinja, TemplatesThatWouldNotEndFail) {
  const std::string kTemplates[] = {
      "{% for i in range(999999999) %}{% endfor %}",
      "{% for i in range(9999) %}{% for j in range(9999) %}{{ j }}{% endfor %}{% endfor %}",
      "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
      "{{ 'x' * 999999999 }}",
      "{% set ns = namespace(x='ab') %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}"
      "{% endfor %}",
      "{% set ns = namespace(x=[]) %}{% for i in range(999) %}{% set ns.x = [ns.x] %}{% endfor %}",
      "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}"
      "{% endfor %}{{ ns.x }}",
      "{% set ns = namespace(x='a') %}{% for i in range(99) %}"
      "{% set ns.x = ns.x | replace('a', 'aaaaaaaa') %}{% endfor %}",
      "{{ " + repeat("(", 5000) + "1" + repeat(")", 5000) + " }}",
      "{{ 1" + repeat(" + 1", 5000) + " }}",
      "{{ " + repeat("not ", 5000) + "1 }}",
      "{{ " + repeat("-", 5000) + "1 }}",
      "{{ x" + repeat(".a", 5000) + " }}",
      repeat("{% if 1 %}", 5000),
  };
  for (const std::string& source : kTemplates) {
    EXPECT_THROW(render(source), Error) << source.substr(0, 60);
  }
  // References in circles are taken apart.
  EXPECT_EQ(render("{% set ns = namespace() %}{% set ns.x = [ns] %}"
                   "{% macro f() %}{% endmacro %}{% set ns.f = f %}"
                   "{% for i in [1] %}{% if loop.changed(loop, ns) %}ok{% endif %}{% endfor %}")
                .str(),
            "ok");
}

// Which bytes of the result came from the context, as a string of marks.
std::string marks(const Text& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) out += text.outside(i) ? '#' : text.str()[i];
  return out;
}

TEST(Jinja, TextFromOutsideStaysMarked) {
  constexpr const char* kContext = R"({"m": " AbC\n", "d": {"k": "v\""}})";
  EXPECT_EQ(marks(render("<{{ m }}>{{ m | trim ~ '!' }}", kContext)), "<#####>###!");
  EXPECT_EQ(marks(render("{{ m.strip() | upper + 'x' }}{{ m[1:3] }}", kContext)), "###x##");
  EXPECT_EQ(marks(render("{{ m.split('b') | join('-') }}", kContext)), "##-##");
  EXPECT_EQ(marks(render("{{ m | replace('b', 'XY') }}{{ 'b' | replace('b', m) }}", kContext)),
            "##XY#######");
  EXPECT_EQ(marks(render("{{ d | tojson }}", kContext)), "{\"#\": \"###\"}");
  EXPECT_EQ(marks(render("{% set q %}a{{ m }}{% endset %}{{ q }}{{ [m] }}", kContext)),
            "a#####['######']");
  EXPECT_EQ(marks(render("{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f(d.k) }}", kContext)), "<##>");
}

}  // namespace
}  // namespace slm::jinja
