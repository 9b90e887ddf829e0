#pragma once
// Fields that are filled from rows: how a column is declared and gathered.

#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "experiments/results/result_writer.hpp"

namespace prefdyn {

/// A field and how to get its value from a row object.
template <class Row>
struct Column {
    std::string name, unit, description;
    std::function<double(const Row&)> get;
};

template <class Row>
struct TextColumn {
    std::string name, description;
    std::function<std::string(const Row&)> get;
};

/// 0, 1, ... n - 1: the scale of an axis of numbered rows.
inline std::vector<std::int64_t> count_to(std::size_t n) {
    std::vector<std::int64_t> out(n);
    std::iota(out.begin(), out.end(), 0);
    return out;
}

/// get(row) of every row; `get` may be a pointer to a member.
template <class Row, class Get>
auto gather(const std::vector<Row>& rows, Get get) {
    std::vector<std::decay_t<std::invoke_result_t<Get, const Row&>>> out;
    for (const Row& row : rows) out.push_back(std::invoke(get, row));
    return out;
}

/// All that get(source) gives; where the source is a vector and `get` takes a row, what it gives of
/// every row, a value or several.
template <class Source, class Get>
auto values_from(const Source& source, const Get& get) {
    if constexpr (std::is_invocable_v<Get, const Source&>) {
        return std::invoke(get, source);
    } else {
        auto values = gather(source, get);
        using Value = typename decltype(values)::value_type;
        if constexpr (std::is_arithmetic_v<Value> || std::is_same_v<Value, std::string>) {
            return values;
        } else {
            Value all;
            for (const Value& some : values) all.insert(all.end(), some.begin(), some.end());
            return all;
        }
    }
}

/// A field and how a source gives its values, as values_from takes them.
template <class Source>
struct Filled : Field {
    template <class Get>
    Filled(Field field, Get get)
        : Field(std::move(field)), values([get](const Source& s) { return values_from(s, get); }) {}
    /// The type of the field is that of the values.
    template <class Get>
    Filled(std::string of, std::vector<std::string> along, std::string in, std::string words,
           Get get)
        : Filled(
              Field{std::move(of), std::move(along), FieldType{}, std::move(in), std::move(words)},
              get) {
        using Given = decltype(values_from(std::declval<const Source&>(), get));
        type = static_cast<FieldType>(ResultWriter::Values(Given()).index());
    }
    /// The scale of an axis of its own name.
    template <class Get>
    Filled(const std::string& of, std::string in, std::string words, Get get)
        : Filled(of, {of}, std::move(in), std::move(words), get) {}

    std::function<ResultWriter::Values(const Source&)> values;
};

/// The fields of tables of them, one table behind the other.
template <class... Table>
std::vector<Field> fields_of(const Table&... table) {
    std::vector<Field> out;
    (out.insert(out.end(), table.begin(), table.end()), ...);
    return out;
}

}  // namespace prefdyn
