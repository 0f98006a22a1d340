#!/usr/bin/env bash
# Breaks the predicate index on purpose, one way after another, and insists that
# its tests notice. Usage: index_mutations.sh SOURCE_DIR BUILD_DIR COMPILER.
# Only with VELO_LONG set: each break compiles a file and links the tests again.
set -euo pipefail
source_dir=$(cd "$1" && pwd) build_dir=$(cd "$2" && pwd) compiler=$3
[ -n "${VELO_LONG:-}" ] || { echo "skipped: set VELO_LONG (./dev test --long)"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Copies, so that a build or an edit meanwhile changes nothing.
mkdir "$work/sound"
cp -r "$source_dir/rules" "$work/sound/rules"
cp -r "$source_dir/rules" "$work/rules"
objects=()
for test in predicate_index index_learning; do
  cp "$build_dir/tests/CMakeFiles/rules_tests.dir/rules/${test}_test.cpp.o" "$work"
  objects+=("$work/${test}_test.cpp.o")
done
cp "$build_dir/tests/libtests_support.a" "$build_dir/rules/libvelo_rules.a" "$work"
libraries=("$work/libtests_support.a" "$work/libvelo_rules.a" -lutf8proc)

compile() { # FILE OBJECT [FLAG...]
  local file=$1 object=$2
  shift 2
  "$compiler" -std=c++20 -O1 -I"$work" -I"$source_dir" "$@" -c "$work/$file" -o "$object"
}
# Never forever: a broken index may also hang, and that is told apart from a wrong verdict.
tests_pass() {
  local status=0
  timeout 300 "$1" "${2:-[index]}" >"$work/log" 2>&1 || status=$?
  verdict=noticed
  [ "$status" -ne 124 ] || verdict='noticed, for it does not end'
  [ "$status" -eq 0 ]
}
failed=0

# mutant WHAT FILE OLD NEW: the first line that is OLD becomes NEW.
mutant() {
  local what=$1 file=$2 old=$3 new=$4
  cp "$work/sound/$file" "$work/$file"
  OLD=$old NEW=$new perl -0pi -e '$found = s/\Q$ENV{OLD}\E/$ENV{NEW}/; END { exit !$found }' "$work/$file" ||
    { echo "not to be broken any more: $what"; failed=1; return; }
  compile "$file" "$work/mutant.o"
  "$compiler" -o "$work/tests" "${objects[@]}" "$work/mutant.o" "${libraries[@]}"
  if tests_pass "$work/tests"; then echo "NOT NOTICED: $what"; failed=1; else echo "$verdict: $what"; fi
  cp "$work/sound/$file" "$work/$file"
}

"$compiler" -o "$work/tests" "${objects[@]}" "${libraries[@]}"
tests_pass "$work/tests" || { echo "the tests fail before anything is broken"; tail -20 "$work/log"; exit 1; }

mutant "a number does not ask for '1e1' and '10.0'" rules/index/equality_key.cpp \
  'number(sort::odd_number_text, value);' ''
mutant "x > 5 holds for 5" rules/index/filter_code.cpp \
  'return interval{std::nextafter(bound, infinity), infinity};' 'return interval{bound, infinity};'
mutant "intervals have no end" rules/index/filter_tree_match.cpp 'if (range_index::is_right(level, value))' 'if (false)'
mutant "a filter is found once for each of its conjunctions" rules/index/filter_tree_match.cpp \
  'if ((word & bit) != 0) return;' ''
mutant "conjunctions that a record may both satisfy are taken for exclusive" rules/index/cover.cpp \
  'made.shared = !exclude(some[i], some[k]);' ''
mutant "the code of a filter speaks for each of its alternatives" rules/index/filter_tree_match.cpp \
  'const bool by_itself = how.one ||' 'const bool by_itself = true ||'
mutant "a cover that leaves something out is taken for the whole" rules/index/filter_tree.cpp \
  'const bool all = how.exact &&' 'const bool all ='
mutant "what was judged for one record stays for the next" rules/index/leaf_truths.cpp \
  '  judged_.clear();
  satisfied_.clear();' '  satisfied_.clear();'
mutant "verdicts stay from the record before" rules/index/leaf_truths.cpp \
  '    set(leaf, unknown);
    leaf_record' '    leaf_record'
mutant "only the first alternative of an OR is covered" rules/index/cover.cpp \
  'some.all.insert(some.all.end(),' 'if (some.all.empty()) some.all.insert(some.all.end(),'
mutant "an update that changes a field is taken for one that does not" rules/index/record_slots.cpp \
  'return left.text == right.text;' 'return left.text.size() == right.text.size();'
mutant "x = 'true' and x = '1' exclude each other" rules/index/leaf_store.cpp \
  "text != \"true\" && text != \"false\" && !is_number_text(text)" 'true'
mutant "a removed filter stays in its range list" rules/index/filter_tree_erase.cpp \
  'bare = index->at_least.erase(lo, same_handle);' 'bare = true;'
mutant "an array's elements are not looked at" rules/index/leaf_truths.cpp \
  'for (const auto& element : *value.json) look_up_keys' 'if (false) for (const auto& element : *value.json) look_up_keys'
mutant "a filter that is put elsewhere stays where it was as well" rules/index/filter_tree_review.cpp \
  '  static_cast<void>(remove(0, handle, conjunction, all));' ''
mutant "a filter that was found in vain is taken out, and not put elsewhere" rules/index/filter_tree_review.cpp \
  '  place(0, handle, conjunction, all, filters_.standing_of(where));' ''
mutant "what goes down to the children of its node is lost" rules/index/filter_tree.cpp \
  '    place(at, one.handle, one.number(), theirs,
          filters_.standing_of(owners_.reference_of(one.handle)));' ''
mutant "nothing is learnt from what is found in vain" rules/predicate_index.cpp \
  '    tree.looked_at(improve(*handle));' '    tree.looked_at(false);'
mutant "a cover made anew is put where the old one was" rules/predicate_index.cpp \
  '  tree.erase(handle, *where);
  const auto now' '  const auto now'

# Under a hash that says nothing the index is slow and right, because it compares
# bytes; without that comparison it is wrong.
weak=()
small='[index]~[learning]' # With many predicates, slow is too slow.
for file in "$work"/rules/index/*.cpp "$work/rules/predicate_index.cpp"; do
  name=${file#"$work/"}
  weak+=("$work/weak_$(basename "$file" .cpp).o")
  compile "$name" "${weak[-1]}" -DVELO_WEAK_HASH
done
"$compiler" -o "$work/tests" "${objects[@]}" "${weak[@]}" "${libraries[@]}"
if tests_pass "$work/tests" "$small"; then echo "right under a weak hash"; else echo "WRONG under a weak hash"; tail -20 "$work/log"; failed=1; fi
for place in 'rules/index/exact_key.cpp:if (!(found.key == *keys[i])) return false;' \
  'rules/index/leaf_store.cpp:return text_of(leaf) == key.text;'; do
  file=${place%%:*} line=${place#*:}
  [ "$file" = rules/index/exact_key.cpp ] && new='' || new='return true;'
  OLD=$line NEW=$new perl -0pi -e 's/\Q$ENV{OLD}\E/$ENV{NEW}/' "$work/$file"
  object=$work/weak_$(basename "$file" .cpp).o
  compile "$file" "$object" -DVELO_WEAK_HASH
  "$compiler" -o "$work/tests" "${objects[@]}" "${weak[@]}" "${libraries[@]}"
  if tests_pass "$work/tests" "$small"; then echo "NOT NOTICED: no bytes compared in $file"; failed=1; else echo "$verdict: no bytes compared in $file"; fi
  cp "$work/sound/$file" "$work/$file"
  compile "$file" "$object" -DVELO_WEAK_HASH
done
exit "$failed"
