# Every fuzz target NAME.cpp, with the folder whose library it needs. Its committed
# inputs are in corpus/NAME.
velo_fuzz_target(explain rules)            # filter text, evaluation bound and unbound
velo_fuzz_target(predicate_index rules)    # the index against the sequential evaluator
velo_fuzz_target(stored_values actors)     # what is read back from the database
velo_fuzz_target(jwt actors)
velo_fuzz_target(client_frame net)         # Pusher frames
velo_fuzz_target(client_session net)       # the same, up to channels and users
velo_fuzz_target(frame_parser net)         # WebSocket frames
velo_fuzz_target(http_request net)         # from the socket to the endpoints' actors
velo_fuzz_target(signed_request net)
velo_fuzz_target(change_ingest net)
